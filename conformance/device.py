"""device.py HOST PORT: a device's first minute.

Takes {"request": provisioning request, "data": attributes} on standard input: asks to be provisioned, comes back with
what it was given, sends the attributes, hears what was decided, and asks for it, too, as it would after a restart.
Prints what happened: {"answer": …, "connected": return code, "shared": what it asked for, "pushed": what it heard}.
"""

import json
import sys
import threading

from flow import PATIENCE, client_of, provision

host, port = sys.argv[1], int(sys.argv[2])
task = json.load(sys.stdin)
report = {"answer": provision(host, port, task["request"])}

ATTRIBUTES = "v1/devices/me/attributes"


class Steps:
    """What this device waits for: each step happens once."""

    def __init__(self, *names):
        self.events = {name: threading.Event() for name in names}

    def done(self, name):
        self.events[name].set()

    def wait(self, name):
        if not self.events[name].wait(PATIENCE):
            print(json.dumps(report))
            sys.exit("not %s in %d s" % (name, PATIENCE))


def live(steps):
    def on_connect(client, userdata, flags, rc):
        report["connected"] = rc
        steps.done("connected")

    def on_subscribe(client, userdata, mid, granted):
        steps.done("subscribed")

    def on_message(client, userdata, message):
        told = json.loads(message.payload)
        if message.topic == ATTRIBUTES:
            report["pushed"] = told
            steps.done("pushed")
        else:
            report["shared"] = told.get("shared", {})
            steps.done("answered")

    client = client_of(report["answer"])
    client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
    client.connect(host, port)
    client.loop_start()
    steps.wait("connected")
    if report["connected"] == 0:
        client.subscribe([(ATTRIBUTES, 1), (ATTRIBUTES + "/response/+", 1)])
        steps.wait("subscribed")
        sent = client.publish(ATTRIBUTES, json.dumps(task["data"]), qos=1)
        sent.wait_for_publish(PATIENCE)
        client.publish(ATTRIBUTES + "/request/1", json.dumps({"sharedKeys": "attachment"}))
        steps.wait("answered")
        if report["shared"]:
            steps.wait("pushed")
    client.disconnect()
    client.loop_stop()


if report["answer"].get("status") == "SUCCESS":
    live(Steps("connected", "subscribed", "answered", "pushed"))
print(json.dumps(report))
