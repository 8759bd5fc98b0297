# ThingsBoard's own clients for Python, unmodified, of the two generations that are on PyPI.
# shellcheck shell=bash disable=SC2154

supplier acme 000712

python_with requirements-tb-old.txt
round_trips "tb-mqtt-client 1.7, MQTT 3.1.1" old-1 "${points[0]}" "$said_back" "$python" "$here/clients/tbmqtt.py"

python_with requirements-tb.txt
round_trips "tb-mqtt-client 1.13, HTTP" http-1 "${points[1]}" '{"method":"read","params":{"register":7}}' \
  "$python" "$here/clients/tbhttp.py"
round_trips "tb-mqtt-client 1.13, MQTT 5" new-1 "${points[2]}" "$said_back" "$python" "$here/clients/tbmqtt.py"

# Firmware: both generations load it as their own code does.
head -c 4500 /dev/urandom >"$work/firmware.bin"
sum=$(sha256sum <"$work/firmware.bin")
gridtie packages add "$work/firmware.bin" --kind firmware --title meter-firmware --version 2 >/dev/null 2>&1
gridtie packages assign --kind firmware --title meter-firmware --version 2 --profile meters >/dev/null
updates() {
  provision "$2" "token-of-$2"
  mkdir "$work/$2"
  local said
  said=$(cd "$work/$2" && "$python" "$here/clients/tbfirmware.py" "$host" "$port" "token-of-$2" meter-firmware 2 2>&1)
  check_like "$1: updates its firmware" "$said" '(.*[^a-z])?updated'
  check "$1: to what was assigned" "$(sha256sum <"$work/$2/meter-firmware")" "$sum"
}
python_with requirements-tb-old.txt
updates "tb-mqtt-client 1.7, MQTT 3.1.1" old-2
python_with requirements-tb.txt
updates "tb-mqtt-client 1.13, MQTT 5" new-2
check "nothing went to the dead letters" "$(gridtie dead-letters list --json | json deadLetters)" '[]'
