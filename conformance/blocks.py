"""blocks.py PAGE: runs the Python programs of a page of the documentation, one after another, as they stand there.

The environment says what a reader puts in: KEY, SECRET and TOKEN, and where the server listens: MQTT_PORT, HTTP and COAP.
"""

import os
import re
import subprocess
import sys

with open(sys.argv[1], encoding="utf-8") as page:
    programs = re.findall(r"^```python\n(.*?)^```$", page.read(), re.M | re.S)
if not programs:
    sys.exit("%s has no program in Python" % sys.argv[1])

puts_in = {
    '"KEY"': '"%s"' % os.environ["KEY"],
    '"SECRET"': '"%s"' % os.environ["SECRET"],
    "METER_1_TOKEN": os.environ["TOKEN"],
    '"TOKEN"': '"%s"' % os.environ["TOKEN"],
    '"localhost", 1883': '"127.0.0.1", %s' % os.environ["MQTT_PORT"],
    'connect("localhost")': 'connect("127.0.0.1", %s)' % os.environ["MQTT_PORT"],
    'hostname="localhost", port=8080': 'hostname="127.0.0.1", port=%s' % os.environ["HTTP"].rsplit(":", 1)[1],
    "http://localhost:8080": os.environ["HTTP"],
    "coap://localhost": os.environ["COAP"],
}
for program in programs:
    for written, meant in puts_in.items():
        program = program.replace(written, meant)
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
