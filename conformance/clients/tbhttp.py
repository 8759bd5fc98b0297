"""A meter of tb_device_http, the HTTP client in ThingsBoard's tb-mqtt-client: see task.

Its request_attributes names the keys client_keys and shared_keys, which neither ThingsBoard nor Gridtie looks at: it gets
all there are. It answers a call with a method and parameters of its own; there is no way to say just the answer.
"""

from task import answer_to, attributes, ended, events, greeted, question, sent, task, told
from tb_device_http import TBHTTPDevice

sent("provisioning request")
client = TBHTTPDevice.provision(task["http"], task["name"], task["key"], task["secret"])
told("provisioned", "SUCCESS")  # or it would have raised TBProvisionFailure
told("connected", client.connect())

sent("telemetry")
client.send_telemetry({"volts": 230}, queued=False)
sent("attributes")
client.send_attributes(attributes)
told("read", client.request_attributes(shared_keys=["attachment"]))
sent("question", question)
told("replied", client.send_rpc(question["method"], question["params"]))

pushed, called = events(2)


def on_call(call):
    if greeted(call):
        return
    told("called", call)
    answer = answer_to(call)
    client.send_rpc(answer["asked"], answer["with"], rpc_id=call["id"])
    called.set()


def on_attribute(content):
    told("pushed", content)
    pushed.set()


client.subscribe("attributes", on_attribute)
client.subscribe("rpc", on_call)
told("ready")
ended(pushed, called)
told("done")
