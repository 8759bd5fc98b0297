# The programs in Python that the documentation gives to device makers, as they stand there.
# shellcheck shell=bash disable=SC2154

supplier acme 000712
python_with requirements-docs.txt

# program PAGE: what it prints
program() {
  KEY=$key SECRET=$secret MQTT_PORT=$port HTTP=$http COAP=$coap "$python" "$here/blocks.py" "$root/docs/$1" >"$work/program.py"
  "$python" "$work/program.py" 2>&1
}

check "docs/mqtt.md: attached" "$(program mqtt.md)" ATTACHED
check "docs/http.md: attached" "$(program http.md)" ATTACHED
check "docs/coap.md: attached" "$(program coap.md | tr '\n' ' ')" '2.01 Created ATTACHED '
check "nothing went to the dead letters" "$(gridtie dead-letters list --json | json deadLetters)" '[]'
