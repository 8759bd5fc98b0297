# A meter of gmqtt, on which ThingsBoard's rewrite of its client stands. It speaks MQTT 5 only.
# shellcheck shell=bash disable=SC2154

supplier acme 000712

round_trips "gmqtt, MQTT 5" gmqtt-1 "${points[0]}" "$said_back" "$python" "$here/clients/gmqttmeter.py"
check "nothing went to the dead letters" "$(gridtie dead-letters list --json | json deadLetters)" '[]'
