# A meter of curl: the device API over HTTP.
# shellcheck shell=bash disable=SC2154

supplier acme 000712

# ask METHOD PATH [BODY]: the body of the answer and its status
ask() { curl --silent --show-error --max-time 30 -X "$1" -w ' %{http_code}' "$http/api/v1/$2" ${3:+-H 'Content-Type: application/json' -d "$3"} 2>&1; }

answer=$(ask POST provision "{\"deviceName\": \"curl-1\", \"provisionDeviceKey\": \"$key\", \"provisionDeviceSecret\": \"$secret\"}")
check_like "provisioned" "$answer" '.*"status":"SUCCESS".* 200'
token=$(json credentialsValue <<<"${answer% *}")
check_like "a wrong secret" \
  "$(ask POST provision "{\"deviceName\": \"x\", \"provisionDeviceKey\": \"$key\", \"provisionDeviceSecret\": \"wrong\"}")" '.*"status":"NOT_FOUND".* 200'
check "telemetry" "$(ask POST "$token/telemetry" '{"ts": 1790000000000, "values": {"volts": 230}}')" ' 200'
check "nothing to read yet" "$(ask GET "$token/attributes?sharedKeys=attachment" | tail -c 4)" ' 200'
check "attributes" "$(ask POST "$token/attributes" "{\"supplierKey\": \"000712\", \"CUPS\": \"${points[0]}\"}")" ' 200'
check "attached as soon as it is answered" "$(outcome curl-1)" ATTACHED
check_like "as it reads" "$(ask GET "$token/attributes?sharedKeys=attachment")" '.*"outcome":"ATTACHED".* 200'
check "what a shell makes of quotes within quotes" "$(ask POST "$token/attributes" '{colour: blue}')" ' 200'
check "and back" "$(ask GET "$token/attributes?clientKeys=colour")" '{"client":{"colour":"blue"}} 200'
check "asks the chains" "$(ask POST "$token/rpc" '{"method": "read", "params": {"register": 7}}')" "$said_back 200"

# Long polls, which wait a while for what there is not.
check_like "nobody calls: 408" "$(ask GET "$token/rpc?timeout=100")" '.* 408'
check_like "nothing changes: 408" "$(ask GET "$token/attributes/updates?timeout=100")" '.* 408'
{
  call=$(ask GET "$token/rpc?timeout=20000")
  id=$(json id <<<"${call% *}")
  printf '%s\n' "$call" >"$work/call"
  ask POST "$token/rpc/$id" '{"watts": 4600}' >"$work/replied"
} &
caller=$!
# A call waits for a device that is not there yet.
check "is called, and its answer" "$(gridtie devices rpc curl-1 setLimit '{"watts": 4600}')" '{"watts":4600}'
wait "$caller"
check_like "what it was told" "$(cat "$work/call")" '\{"id":[0-9]+,"method":"setLimit","params":\{"watts":4600\}\} 200'
check "its answer is taken" "$(cat "$work/replied")" ' 200'

# A poll hears only of what comes while it waits: the operator sets the attribute until it is heard.
ask GET "$token/attributes/updates?timeout=20000" >"$work/updated" &
poll=$!
for i in $(seq 100); do
  gridtie devices set-attributes curl-1 "tariff=$i" >/dev/null
  sleep 0.1
  [ -s "$work/updated" ] && break
done
wait "$poll"
check_like "hears of a shared attribute" "$(cat "$work/updated")" '\{"tariff":[0-9]+\} 200'
check_like "and reads it" "$(ask GET "$token/attributes?sharedKeys=tariff")" '\{"shared":\{"tariff":[0-9]+\}\} 200'

# Firmware: all of it, and in chunks.
head -c 200000 /dev/urandom >"$work/firmware.bin"
gridtie packages add "$work/firmware.bin" --kind firmware --title meter --version 2 >/dev/null 2>&1
check_like "no firmware yet" "$(ask GET "$token/firmware?title=meter&version=2")" '.* 404'
gridtie packages assign --kind firmware --title meter --version 2 --device curl-1 >/dev/null
check_like "is told of its firmware" "$(ask GET "$token/attributes?sharedKeys=fw_title,fw_version,fw_size")" \
  '\{"shared":\{"fw_title":"meter","fw_version":"2","fw_size":200000\}\} 200'
check_like "another firmware" "$(ask GET "$token/firmware?title=meter&version=1")" '.* 400'
(cd "$work" && curl --silent --show-error --max-time 30 --output loaded.bin -D loaded.head "$http/api/v1/$token/firmware?title=meter&version=2")
check "loads it" "$(sha256sum <"$work/loaded.bin")" "$(sha256sum <"$work/firmware.bin")"
check_like "under its name" "$(grep -i '^x-filename' "$work/loaded.head" | tr -d '\r')" '[Xx]-[Ff]ilename: firmware.bin'
for chunk in 0 1 2 3; do
  curl --silent --show-error --max-time 30 "$http/api/v1/$token/firmware?title=meter&version=2&size=65536&chunk=$chunk"
done >"$work/loaded.bin"
check "and in chunks" "$(sha256sum <"$work/loaded.bin")" "$(sha256sum <"$work/firmware.bin")"

check_like "a wrong token" "$(ask POST nobody/telemetry '{}')" '.* 401'
check_like "bad JSON" "$(ask POST "$token/telemetry" '{"volts": }')" '.* 400'
check_like "no such path" "$(ask POST "$token/nothing" '{}')" '.* 404'
check "nothing went to the dead letters" "$(gridtie dead-letters list --json | json deadLetters)" '[]'
