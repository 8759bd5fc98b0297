"""connect.py HOST PORT: connects as [clientId, userName, password] on standard input, prints the return code."""

import json
import sys
import threading

from flow import PATIENCE
from paho.mqtt.client import Client

host, port = sys.argv[1], int(sys.argv[2])
client_id, user, password = json.load(sys.stdin)
told, code = threading.Event(), []


def on_connect(client, userdata, flags, rc):
    code.append(rc)
    told.set()


client = Client(client_id=client_id)
client.username_pw_set(user, password)
client.on_connect = on_connect
client.connect(host, port)
client.loop_start()
told.wait(PATIENCE)
client.disconnect()
client.loop_stop()
print(code[0] if code else "no answer")
