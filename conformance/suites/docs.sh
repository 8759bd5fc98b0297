# The programs in Python that the documentation gives to device makers, as they stand there.
# shellcheck shell=bash disable=SC2154

supplier acme 000712
python_with requirements-docs.txt
token=$(gridtie devices add docs-1 --profile meters 2>/dev/null)

# programs PAGE: what those of a page print
programs() {
  (cd "$work" && KEY=$key SECRET=$secret TOKEN=$token MQTT_PORT=$port HTTP=$http COAP=$coap "$python" "$here/blocks.py" "$root/docs/$1" 2>&1)
}

check "docs/mqtt.md: attached" "$(programs mqtt.md)" ATTACHED
check "docs/http.md: attached" "$(programs http.md)" ATTACHED
check "docs/coap.md: attached" "$(programs coap.md | tr '\n' ' ')" '2.01 Created ATTACHED '

head -c 10000 /dev/urandom >"$work/meter-2.bin"
gridtie packages add "$work/meter-2.bin" --kind firmware --title meter --version 2 >/dev/null 2>&1
gridtie packages assign --kind firmware --title meter --version 2 --profile meters >/dev/null 2>&1
check "docs/firmware.md: loads it" "$(programs firmware.md)" ''
check "every byte" "$(cmp "$work/meter-2.bin" "$work/firmware.bin" 2>&1)" ''
check "nothing went to the dead letters" "$(gridtie dead-letters list --json | json deadLetters)" '[]'
