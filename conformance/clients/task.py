"""What the meters of Python here share: the task, and how a step is told.

A meter takes its task as JSON on standard input: {"host", "port", "http", "name", "key", "secret", "supplierKey", "cups"}.
It has itself provisioned, says whose it is, reads what came of it, asks the chains something, says that it is "ready",
and then hears of a shared attribute, takes a one-way call "hello" and answers the next call. Each step is a line on standard
output, its name and what was got as JSON; what was sent goes to standard error. It ends when all is done, or with an
error when a step takes too long.
"""

import json
import queue
import sys
import threading

PATIENCE = 20  # seconds for each step

task = json.load(sys.stdin)
attributes = {"supplierKey": task["supplierKey"], "CUPS": task["cups"]}
request = {
    "deviceName": task["name"],
    "provisionDeviceKey": task["key"],
    "provisionDeviceSecret": task["secret"],
}
question = {"method": "read", "params": {"register": 7}}


def sent(what, body=None):
    print("sent", what, json.dumps(body), file=sys.stderr, flush=True)


def told(step, value=True):
    print(step, json.dumps(value, separators=(",", ":")), flush=True)


def answer_to(call):
    """What a meter answers to a call: what it was called for."""
    return {"asked": call["method"], "with": call["params"]}


class Box:
    """A place for one thing that another thread brings."""

    def __init__(self, step):
        self.step, self.things = step, queue.Queue()

    def put(self, thing):
        self.things.put(thing)

    def get(self):
        try:
            return self.things.get(timeout=PATIENCE)
        except queue.Empty:
            sys.exit("%s: nothing in %d s" % (self.step, PATIENCE))


def greeted(call):
    """Whether the call is the one that wants no answer."""
    if call["method"] != "hello":
        return False
    told("greeted")
    return True


def ended(*events):
    """Waits for what comes after "ready"."""
    for event in events:
        if not event.wait(PATIENCE):
            sys.exit("no call, or no attribute, in %d s" % PATIENCE)


def events(count):
    return [threading.Event() for _ in range(count)]
