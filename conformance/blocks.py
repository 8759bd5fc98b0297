"""blocks.py PAGE: prints the Python programs of a page of the documentation as one, to be run as they stand there.

The environment says what a reader puts in: KEY and SECRET, and where the server listens: MQTT_PORT, HTTP and COAP.
"""

import os
import re
import sys

with open(sys.argv[1], encoding="utf-8") as page:
    programs = re.findall(r"^```python\n(.*?)^```$", page.read(), re.M | re.S)
if not programs:
    sys.exit("%s has no program in Python" % sys.argv[1])
program = "\n".join(programs)
for written, meant in {
    '"KEY"': '"%s"' % os.environ["KEY"],
    '"SECRET"': '"%s"' % os.environ["SECRET"],
    '"localhost", 1883': '"127.0.0.1", %s' % os.environ["MQTT_PORT"],
    "http://localhost:8080": os.environ["HTTP"],
    "coap://localhost": os.environ["COAP"],
}.items():
    program = program.replace(written, meant)
print(program)
