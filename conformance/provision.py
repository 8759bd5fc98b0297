"""provision.py HOST PORT: sends the provisioning request on standard input, prints the answer."""

import json
import sys

from flow import provision

host, port = sys.argv[1], int(sys.argv[2])
print(json.dumps(provision(host, port, json.load(sys.stdin))))
