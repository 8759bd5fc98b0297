# A meter made of mosquitto's command line clients: the flow that integrators try first.
# shellcheck shell=bash disable=SC2154

supplier acme 000712
attributes=v1/devices/me/attributes

# Provisioning with a token that the device brings along.
provision meter-1 token-of-meter-1
check "a device that brings its token is made" "$(gridtie devices show meter-1 --json | json credentialsType)" ACCESS_TOKEN
check "it is not attached yet" "$(gridtie devices show meter-1 --json | json status)" NOT_ATTACHED

# Exactly what a POSIX shell makes of the line in ThingsBoard's documentation: the inner quotes are gone when
# mosquitto_pub sees it, and the payload is {Power_supplier_secret_key: 000712, CUPS: ES…}.
# shellcheck disable=SC2140
pub token-of-meter-1 $attributes "{"Power_supplier_secret_key": "000712", "CUPS": "ES0021000000000001RK"}"
shown=$(gridtie devices show meter-1 --json)
check "without quotes: attached" "$(json status <<<"$shown")" ATTACHED
check "to the supplier whose key it is" "$(json attachment.supplier <<<"$shown")" acme
check "to the grid of its distributor" "$(json attachment.grid <<<"$shown")" 0021
check "by the key's id" "$(json attachment.key <<<"$shown")" "$key_id"
check_like "since when" "$(json attachment.from <<<"$shown")" '20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z'
check_like "by which message" "$(json attachment.evidence.message <<<"$shown")" '[0-9a-f-]{36}'
check_like "by which revision of the chains" "$(json attachment.evidence.revision <<<"$shown")" '[0-9a-f]{12,}'
check_like "the CUPS is masked" "$(json attachment.cups <<<"$shown")" 'ES0021[^0-9]+1RK'
text=$(gridtie devices show meter-1)
check_like "the same for people" "$(tr '\n\t' '  ' <<<"$text")" '.*ATTACHED since 20.* acme .*'"$key_id"'.* 0021 .*chain attach @[0-9a-f]+.* message [0-9a-f-]{36}.*'

# Said again, it stays as it is.
pub token-of-meter-1 $attributes '{"Power_supplier_secret_key": "000712", "CUPS": "ES0021000000000001RK"}'
check "said again, with quotes: nothing changes" "$(outcome meter-1)" ALREADY_ATTACHED

# A key is text: 712 and "712" are not it, however JSON writes them.
provision meter-2 token-of-meter-2
pub token-of-meter-2 $attributes '{Power_supplier_secret_key: 712, CUPS: ES0022000000000001FB}'
check "712 without quotes is another key" "$(outcome meter-2)" KEY_UNKNOWN
pub token-of-meter-2 $attributes '{"Power_supplier_secret_key": "712", "CUPS": "ES0022000000000001FB"}'
check "712 with quotes is another key" "$(outcome meter-2)" KEY_UNKNOWN
pub token-of-meter-2 $attributes '{"Power_supplier_secret_key": "0000712", "CUPS": "ES0022000000000001FB"}'
check "one nought more is another key" "$(outcome meter-2)" KEY_UNKNOWN
pub token-of-meter-2 $attributes '{"Power_suppier_secret_key": "000712", "CUPs": "es0022 0000 0000 0001 fb"}'
check "names as misspelt in the field, CUPS with spaces" "$(outcome meter-2)" ATTACHED

# A taken supply point is held, and the device learns no more than it may.
provision meter-3 token-of-meter-3
pub token-of-meter-3 $attributes '{"Power_supplier_secret_key": "000712", "CUPS": "ES0021000000000001RK"}'
check "a second meter on one supply point is held" "$(outcome meter-3)" HELD
pub token-of-meter-3 $attributes '{"Power_supplier_secret_key": "000712", "CUPS": "ES0021000000000001KR"}'
check "wrong check letters" "$(outcome meter-3)" CUPS_CHECK_FAILED

# A device has one session: when it connects again, the older connection ends (mosquitto_sub then comes back by itself).
provision meter-4 token-of-meter-4
heard=$work/heard
stdbuf -oL mosquitto_sub -d -h "$host" -p "$port" -u token-of-meter-4 -t $attributes -W 20 >"$heard" 2>&1 &
listener=$!
lines() { grep -c "$1" "$heard" || true; }
until_heard() {
  for _ in $(seq 150); do
    [ "$(lines "$1")" -ge "$2" ] && break
    sleep 0.1
  done
}
until_heard 'Subscribed (mid' 1
check "mosquitto_sub may subscribe to its attributes" "$(lines 'Subscribed (mid: 1): 0')" 1
pub token-of-meter-4 $attributes '{"Power_supplier_secret_key": "000712", "CUPS": "ES0031000000000001BJ"}'
check "attached while it listens" "$(outcome meter-4)" ATTACHED
until_heard 'sending CONNECT' 2
check_like "the older connection ended" "$(lines 'sending CONNECT')" '[2-9]'
kill $listener 2>/dev/null || true
wait $listener || true

# Refusals.
code=0
mosquitto_pub -q 1 -h "$host" -p "$port" -u no-such-token -t $attributes -m '{}' 2>"$work/refused" || code=$?
check "an unknown token is not let in" "$code" 5
pub provision /provision/request "{\"deviceName\": \"meter-5\", \"provisionDeviceKey\": \"$key\", \"provisionDeviceSecret\": \"wrong\"}"
check "a wrong secret makes no device" "$(gridtie devices list --json | grep -c '"meter-5"' || true)" 0

# Provisioning without a token: mosquitto_pub cannot show the answer, since it comes on its own connection. The device
# exists; asking once more, before anybody has used the token, tells it, and mosquitto goes on with it.
pub provision /provision/request "{\"deviceName\": \"meter-6\", \"provisionDeviceKey\": \"$key\", \"provisionDeviceSecret\": \"$secret\"}"
check "a device without a token gets one" "$(gridtie devices show meter-6 --json | json credentialsType)" ACCESS_TOKEN
answer=$("$python" "$here/provision.py" "$host" "$port" <<<"{\"deviceName\": \"meter-6\", \"provisionDeviceKey\": \"$key\", \"provisionDeviceSecret\": \"$secret\"}")
check "asking again is answered" "$(json status <<<"$answer")" SUCCESS
token=$(json credentialsValue <<<"$answer")
pub "$token" $attributes '{"Power_supplier_secret_key": "000712", "CUPS": "ES0026000000000001YV"}'
check "the token that was told works" "$(outcome meter-6)" ATTACHED
answer=$("$python" "$here/provision.py" "$host" "$port" <<<"{\"deviceName\": \"meter-6\", \"provisionDeviceKey\": \"$key\", \"provisionDeviceSecret\": \"$secret\"}")
check "once it was used, it is told no more" "$(json status <<<"$answer")" FAILURE


# A call and its answer, and a shared attribute, over both versions of the protocol. Asking is not for these clients: the
# answer comes to the connection that asked, and mosquitto_pub does not listen; mosquitto_rr listens to a topic without "+",
# which no device API grants.
provision meter-8 token-of-meter-8
for version in mqttv311 mqttv5; do
  options=(-V "$version" -q 1 -h "$host" -p "$port" -u token-of-meter-8)
  mosquitto_pub "${options[@]}" -t $attributes -m '{"supplierKey": "000712", "CUPS": "ES0021000000000002RE"}'
  check_like "$version: attached" "$(outcome meter-8)" '(ALREADY_)?ATTACHED'
  called=$work/called-$version
  {
    mosquitto_sub "${options[@]}" -C 1 -W 20 -t v1/devices/me/rpc/request/+ -F '%t %p' >"$called"
    number=$(sed -E 's,^[^ ]*/([0-9]+) .*,\1,' "$called")
    mosquitto_pub "${options[@]}" -t "v1/devices/me/rpc/response/$number" -m '{"watts": 4600}'
  } &
  caller=$!
  check "$version: is called, and its answer" "$(gridtie devices rpc meter-8 setLimit '{"watts": 4600}' 2>&1)" '{"watts":4600}'
  wait $caller || true
  check_like "$version: what it was told" "$(cat "$called")" 'v1/devices/me/rpc/request/[0-9]+ \{"method":"setLimit","params":\{"watts":4600\}\}'
  mosquitto_sub "${options[@]}" -C 1 -W 20 -t $attributes >"$heard" &
  listener=$!
  for i in $(seq 100); do
    gridtie devices set-attributes meter-8 "tariff=$i" >/dev/null
    sleep 0.1
    [ -s "$heard" ] && break
  done
  wait $listener || true
  check_like "$version: hears of a shared attribute" "$(cat "$heard")" '\{"tariff":[0-9]+\}'
done

# Behind a gateway, as docs/gateway.md has it.
gateway=$(gridtie devices add gateway-1 --profile meters --gateway 2>/dev/null)
pub "$gateway" v1/gateway/telemetry '{"meter-91":[{"kWh":1204.7}],"meter-92":[{"kWh":88.1}]}'
pub "$gateway" v1/gateway/attributes '{"meter-91":{"supplierKey":"000712","CUPS":"ES0027000000000001NF"}}'
check "behind a gateway: attached" "$(outcome meter-91)" ATTACHED
check "its neighbour is there" "$(gridtie devices show meter-92 --json | json status)" NOT_ATTACHED

# Firmware, as docs/firmware.md has it: mosquitto_rr listens to the topic of errors, and is answered on another.
head -c 10000 /dev/urandom >"$work/firmware.bin"
gridtie packages add "$work/firmware.bin" --kind firmware --title meter --version 2 >/dev/null 2>&1
load() { mosquitto_rr -V "$1" -q 1 -N -W 20 -h "$host" -p "$port" -u token-of-meter-8 -t "v2/fw/request/1/chunk/$2" -e v2/fw/error -m "$3"; }
check "no firmware yet" "$(load mqttv311 0 4096)" NOT_FOUND
gridtie packages assign --kind firmware --title meter --version 2 --profile meters >/dev/null
check "no chunk is so large" "$(load mqttv311 0 65537)" PAYLOAD_TOO_LARGE
for version in mqttv311 mqttv5; do
  for chunk in 0 1 2; do load "$version" "$chunk" 4096; done >"$work/loaded.bin"
  check "$version: loads its firmware" "$(sha256sum <"$work/loaded.bin")" "$(sha256sum <"$work/firmware.bin")"
done
check "nothing went to the dead letters" "$(gridtie dead-letters list --json | json deadLetters)" '[]'
