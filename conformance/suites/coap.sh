# A meter made of libcoap's coap-client, and one of Python and aiocoap: over UDP, and over DTLS with the token as key.
# shellcheck shell=bash disable=SC2154

supplier acme 000712
client=coap-client-openssl

# ask METHOD ADDRESS [PAYLOAD]: the body of the answer; coap-client prints errors as "4.04 …" on standard error.
ask() { "$client" "${options[@]}" -B 20 -m "$1" ${3:+-e "$3"} "$2" 2>&1 | tr -d '\0'; }
options=()

answer=$(ask post "$coap/api/v1/provision" "{\"deviceName\": \"meter-1\", \"provisionDeviceKey\": \"$key\", \"provisionDeviceSecret\": \"$secret\"}")
check "provisioned" "$(json status <<<"$answer")" SUCCESS
token=$(json credentialsValue <<<"$answer")
check "with a token that works" "$(ask post "$coap/api/v1/$token/telemetry" '{"volts": 230}')" ''
check_like "a wrong key is refused, with a body" \
  "$(ask post "$coap/api/v1/provision" '{"deviceName": "x", "provisionDeviceKey": "wrong", "provisionDeviceSecret": "wrong"}')" \
  '4\.00.*"status":"NOT_FOUND".*'
check_like "a wrong token is refused" "$(ask post "$coap/api/v1/nobody/telemetry" '{}')" '4\.01.*'
check_like "bad JSON is refused" "$(ask post "$coap/api/v1/$token/telemetry" '{"volts": }')" '4\.00.*'
check_like "no attributes yet" "$(ask get "$coap/api/v1/$token/attributes")" '4\.04.*'

check "attributes are taken" "$(ask post "$coap/api/v1/$token/attributes" '{Power_supplier_secret_key: 000712, CUPS: ES0021000000000001RK}')" ''
check "attached as soon as it is answered" "$(outcome meter-1)" ATTACHED
check "the meter reads it" "$(ask get "$coap/api/v1/$token/attributes?sharedKeys=attachment" | json shared.attachment.outcome)" ATTACHED

# A non-confirmable message, blocks in both directions, and an observation.
options=(-N)
ask post "$coap/api/v1/$token/attributes" '{"colour": "blue"}' >/dev/null
options=()
check "non-confirmable, too" "$(ask get "$coap/api/v1/$token/attributes?clientKeys=colour")" '{"client":{"colour":"blue"}}'
long=$(printf 'x%.0s' $(seq 5000))
check "a large body, in blocks" "$(ask post "$coap/api/v1/$token/attributes" "{\"note\": \"$long\"}")" ''
check "and back" "$(ask get "$coap/api/v1/$token/attributes?clientKeys=note")" "{\"client\":{\"note\":\"$long\"}}"
heard=$work/heard-coap
"$client" -s 20 -m get "$coap/api/v1/$token/attributes" >"$heard" 2>&1 &
listener=$!
until_heard() {
  for _ in $(seq 150); do
    grep -q "$1" "$heard" && break
    sleep 0.1
  done
}
until_heard ATTACHED
ask post "$coap/api/v1/$token/attributes" '{"supplierKey": "wrong", "CUPS": "ES0022000000000001FB"}' >/dev/null
until_heard REFUSED
check_like "an observer hears of the change" "$(tr -d '\0' <"$heard")" '.*"outcome":"ATTACHED".*"outcome":"(KEY|CUPS)_REFUSED".*'
kill "$listener" 2>/dev/null || true
wait "$listener" 2>/dev/null || true

# Over DTLS the name is the identity and the token the key; the path has no token.
for client in coap-client-openssl coap-client-gnutls; do
  options=(-u meter-1 -k "$token")
  check "$client: known by its key" "$(ask get "$coaps/api/v1/attributes?clientKeys=colour")" '{"client":{"colour":"blue"}}'
done

# Python with aiocoap.
check "aiocoap: provisioned, attached, observed" \
  "$("$python" "$here/coapmeter.py" meter "$coap" "$key" "$secret" 2>&1)" 'SUCCESS 2.01 ATTACHED {} ATTACHED'
check "as the server sees it" "$(outcome meter-a)" ATTACHED

# A call to a device, and its answer.
"$python" "$here/coapmeter.py" callee "$coap" "$token" >"$heard" 2>&1 &
listener=$!
until_heard ready
check "aiocoap: called, and its answer" "$(gridtie devices rpc meter-1 read '{"register": 7}' | json with.register)" 7
wait "$listener" || true
check "what the device was told" "$(tr '\n' ' ' <"$heard")" 'ready 2.03 2.01 '

# What an operator sets is there for the device.
gridtie devices set-attributes meter-1 tariff=2 >/dev/null
client=coap-client-openssl
options=()
check "a shared attribute" "$(ask get "$coap/api/v1/$token/attributes?sharedKeys=tariff")" '{"shared":{"tariff":2}}'

# Firmware: all of it in blocks, and a chunk.
head -c 50000 /dev/urandom >"$work/firmware.bin"
gridtie packages add "$work/firmware.bin" --kind firmware --title meter --version 2 >/dev/null 2>&1
check_like "no firmware yet" "$(ask get "$coap/fw/$token")" '4\.04.*'
gridtie packages assign --kind firmware --title meter --version 2 --profile meters >/dev/null
load() { "$client" -B 20 -m get "$@" 2>&1; }
load -o "$work/loaded.bin" "$coap/fw/$token?title=meter&version=2"
check "loads its firmware" "$(sha256sum <"$work/loaded.bin")" "$(sha256sum <"$work/firmware.bin")"
load -b 256 -o "$work/loaded.bin" "$coap/fw/$token"
check "in smaller blocks" "$(sha256sum <"$work/loaded.bin")" "$(sha256sum <"$work/firmware.bin")"
load -o "$work/loaded.bin" "$coap/fw/$token?size=3000&chunk=2"
check "a chunk of it" "$(sha256sum <"$work/loaded.bin")" "$(tail -c +6001 "$work/firmware.bin" | head -c 3000 | sha256sum)"
check_like "another firmware" "$(ask get "$coap/fw/$token?title=meter&version=1")" '4\.00.*'
check_like "no software" "$(ask get "$coap/sw/$token")" '4\.04.*'
check_like "is not to be posted to" "$(ask post "$coap/fw/$token" x)" '4\.05.*'
