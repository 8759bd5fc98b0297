"""A meter of tb_device_mqtt, of either generation of ThingsBoard's tb-mqtt-client: see task."""

import json
import sys
import time
from importlib import metadata

from task import PATIENCE, Box, answer_to, attributes, ended, events, greeted, question, sent, task, told
from tb_device_mqtt import TBDeviceMqttClient

# Up to 1.7 an answer to a call is text; later it is what is to be made JSON of.
old = int(metadata.version("tb-mqtt-client").split(".")[1]) <= 7

sent("provisioning request")
given = TBDeviceMqttClient.provision(
    task["host"], task["key"], task["secret"], port=task["port"], device_name=task["name"]
)
told("provisioned", given["status"] if given else None)

client = TBDeviceMqttClient(task["host"], task["port"], given["credentialsValue"])
read, replied = Box("attributes"), Box("question")
pushed, called = events(2)


def wait_until(condition, what):
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            sys.exit("no %s in %d s" % (what, PATIENCE))
        time.sleep(0.05)


def on_call(number, call):
    if greeted(call):
        return
    told("called", call)
    answer = answer_to(call)
    client.send_rpc_reply(number, json.dumps(answer) if old else answer)
    called.set()


def on_attribute(content, error):
    told("pushed", content)
    pushed.set()


client.set_server_side_rpc_request_handler(on_call)
client.connect()
# The callback of connect comes only sometimes: it is set when the connection may be there already.
wait_until(client.is_connected, "connection")
told("connected")
if old:
    time.sleep(0.5)  # it subscribes now, in another thread, and does not tell
else:
    # It subscribes, and then asks for the limits of its session.
    wait_until(lambda: client.rate_limits_received, "answer to getSessionLimits")
    told("limits", {"payload": client.max_payload_size})
client.subscribe_to_attribute("tariff", on_attribute)

sent("telemetry")
told("telemetry", client.send_telemetry({"volts": 230}).get())
sent("attributes")
told("published", client.send_attributes(attributes).get())
client.request_attributes(shared_keys=["attachment"], callback=lambda content, error: read.put(content))
told("read", read.get())
sent("question", question)
client.send_rpc_call(question["method"], question["params"], lambda number, content, error: replied.put(content))
told("replied", replied.get())
told("ready")
ended(pushed, called)
client.disconnect()
client.stop()
told("done")
