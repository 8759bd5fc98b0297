"""What the small programs here share: one request on a connection of its own, one answer."""

import json
import threading

from paho.mqtt.client import Client

PATIENCE = 20  # seconds for each step


def provision(host, port, request):
    """Sends a provisioning request and returns the answer as a dictionary."""
    answered, answer = threading.Event(), {}

    def on_connect(client, userdata, flags, rc):
        if rc != 0:
            answer["refused"] = rc
            answered.set()
            return
        client.subscribe("/provision/response")
        client.publish("/provision/request", json.dumps(request))

    def on_message(client, userdata, message):
        answer.update(json.loads(message.payload))
        answered.set()

    client = Client()
    client.username_pw_set("provision")
    client.on_connect, client.on_message = on_connect, on_message
    client.connect(host, port)
    client.loop_start()
    answered.wait(PATIENCE)
    client.disconnect()
    client.loop_stop()
    return answer


def client_of(answer):
    """A client with the credentials that a provisioning answer gives."""
    value = answer["credentialsValue"]
    if answer["credentialsType"] == "MQTT_BASIC":
        client = Client(client_id=value["clientId"])
        client.username_pw_set(value["userName"], value["password"])
    else:
        client = Client()
        client.username_pw_set(value)
    return client
