"""A meter of tb_device_mqtt that updates its firmware, of either generation of ThingsBoard's tb-mqtt-client.

    python tbfirmware.py HOST PORT TOKEN TITLE VERSION

It loads what its shared attributes tell of, in chunks of 1,000 bytes, checks the checksum, and leaves it in the current
folder in a file of that title. It ends when it has told the server that it runs that version.
"""

import sys
import time

from tb_device_mqtt import TBDeviceMqttClient

host, port, token, title, version = sys.argv[1:]
PATIENCE = 30  # seconds; it pauses for one between its steps
client = TBDeviceMqttClient(host, int(port), token, chunk_size=1000)
client.connect()
until = time.monotonic() + PATIENCE


def wait_until(condition, what):
    while not condition():
        if time.monotonic() > until:
            sys.exit("no %s in %d s: %s" % (what, PATIENCE, client.current_firmware_info))
        time.sleep(0.05)


def updated():
    info = client.current_firmware_info
    return info.get("current_fw_version") == version and info.get("fw_state") == "UPDATED"


wait_until(client.is_connected, "connection")
client.get_firmware_update()
wait_until(updated, "update")
client.disconnect()
client.stop()
print("updated", flush=True)
