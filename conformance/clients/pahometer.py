"""pahometer.py 4|5 [websockets]: a meter of paho-mqtt that speaks MQTT 3.1.1 or 5, over TCP or websockets: see task."""

import json
import sys
from urllib.parse import urlsplit

from task import Box, answer_to, attributes, ended, events, greeted, question, request, sent, task, told
from paho.mqtt.client import Client

ME = "v1/devices/me/"
version = int(sys.argv[1])
transport = (sys.argv[2:] or ["tcp"])[0]
port = task["port"] if transport == "tcp" else urlsplit(task["http"]).port


def connect(user, on_message, *topics):
    """A client that is connected, and has subscribed."""
    connected, subscribed = Box("connect"), Box("subscribe")
    client = Client(protocol=version, transport=transport)
    client.username_pw_set(user)
    client.on_connect = lambda client, userdata, flags, code, properties=None: connected.put(int(getattr(code, "value", code)))
    client.on_subscribe = lambda client, userdata, mid, granted, properties=None: subscribed.put(granted)
    client.on_message = on_message
    client.connect(task["host"], port)
    client.loop_start()
    told("connected", connected.get())
    client.subscribe([(topic, 1) for topic in topics])
    subscribed.get()
    return client


def publish(client, topic, body):
    sent(topic)
    client.publish(topic, json.dumps(body), qos=1).wait_for_publish(20)


given, read, replied = Box("provisioning"), Box("attributes"), Box("question")
pushed, called = events(2)


def on_message(client, userdata, message):
    body = json.loads(message.payload)
    topic = message.topic[len(ME) :]
    if topic == "attributes":
        if "tariff" in body:
            told("pushed", body)
            pushed.set()
    elif topic.startswith("attributes/response/"):
        read.put(body)
    elif topic.startswith("rpc/response/"):
        replied.put(body)
    elif not greeted(body):
        told("called", body)
        client.publish(ME + topic.replace("request", "response"), json.dumps(answer_to(body)), qos=1)
        called.set()


nobody = connect("provision", lambda client, userdata, message: given.put(json.loads(message.payload)), "/provision/response")
publish(nobody, "/provision/request", request)
answer = given.get()
nobody.disconnect()
nobody.loop_stop()
told("provisioned", answer["status"])

client = connect(
    answer["credentialsValue"],
    on_message,
    ME + "attributes",
    ME + "attributes/response/+",
    ME + "rpc/request/+",
    ME + "rpc/response/+",
)
publish(client, ME + "attributes", attributes)
publish(client, ME + "attributes/request/1", {"sharedKeys": "attachment"})
told("read", read.get())
publish(client, ME + "rpc/request/1", question)
told("replied", replied.get())
told("ready")
ended(pushed, called)
client.disconnect()
client.loop_stop()
told("done")
