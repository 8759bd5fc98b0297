# ThingsBoard's own clients for Python, unmodified, of the two generations that are on PyPI.
# shellcheck shell=bash disable=SC2154

supplier acme 000712

python_with requirements-tb-old.txt
round_trips "tb-mqtt-client 1.7, MQTT 3.1.1" old-1 "${points[0]}" "$said_back" "$python" "$here/clients/tbmqtt.py"

python_with requirements-tb.txt
round_trips "tb-mqtt-client 1.13, HTTP" http-1 "${points[1]}" '{"method":"read","params":{"register":7}}' \
  "$python" "$here/clients/tbhttp.py"
round_trips "tb-mqtt-client 1.13, MQTT 5" new-1 "${points[2]}" "$said_back" "$python" "$here/clients/tbmqtt.py"
check "nothing went to the dead letters" "$(gridtie dead-letters list --json | json deadLetters)" '[]'
