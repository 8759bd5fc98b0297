# Devices in Python with paho-mqtt, as ThingsBoard's documentation shows them to device makers.
# shellcheck shell=bash disable=SC2154

supplier acme 000712

# as_device REQUEST DATA: provisions, comes back with what it was given, sends the data. Prints what happened as JSON.
as_device() { "$python" "$here/device.py" "$host" "$port" <<<"{\"request\": $1, \"data\": $2}"; }

pair="\"provisionDeviceKey\": \"$key\", \"provisionDeviceSecret\": \"$secret\""

run=$(as_device "{\"deviceName\": \"basic-1\", $pair, \"credentialsType\": \"MQTT_BASIC\", \"username\": \"user-1\", \"password\": \"password-1\", \"clientId\": \"client-1\"}" \
  '{"Power_supplier_secret_key": "000712", "CUPS": "ES0021000000000001RK"}')
check "MQTT_BASIC: provisioned" "$(json answer.status <<<"$run")" SUCCESS
check "the answer names the type" "$(json answer.credentialsType <<<"$run")" MQTT_BASIC
check "client id as asked" "$(json answer.credentialsValue.clientId <<<"$run")" client-1
check "user name as asked" "$(json answer.credentialsValue.userName <<<"$run")" user-1
check "password as asked" "$(json answer.credentialsValue.password <<<"$run")" password-1
check "it comes back with them" "$(json connected <<<"$run")" 0
check "and is attached" "$(gridtie devices show basic-1 --json | json status)" ATTACHED
check "which it hears" "$(json pushed.attachment.outcome <<<"$run")" ATTACHED
check "with the supplier" "$(json pushed.attachment.supplier <<<"$run")" acme
check "and the grid, by the name that people know" "$(json pushed.attachment.grid <<<"$run")" i-DE
check "and can ask for" "$(json shared.attachment.outcome <<<"$run")" ATTACHED

for wrong in '"client-2", "user-1", "password-1"' '"client-1", "user-2", "password-1"' '"client-1", "user-1", "password-2"' '"client-1", "user-1", null'; do
  check "not let in as $wrong" "$("$python" "$here/connect.py" "$host" "$port" <<<"[$wrong]" | grep -cE '^(4|5)$')" 1
done

run=$(as_device "{\"deviceName\": \"basic-1\", $pair, \"credentialsType\": \"MQTT_BASIC\", \"username\": \"user-9\", \"password\": \"password-9\", \"clientId\": \"client-9\"}" '{}')
check "a name that is taken is refused" "$(json answer.status <<<"$run")" FAILURE

run=$(as_device "{\"deviceName\": \"token-1\", $pair}" '{"supplierKey": "000712", "CUPS": "ES0022000000000001FB"}')
check "no credentials asked for: a token is given" "$(json answer.credentialsType <<<"$run")" ACCESS_TOKEN
check_like "of a sound length" "$(json answer.credentialsValue <<<"$run")" '[A-Za-z0-9]{20,}'
check "and is good for coming back" "$(gridtie devices show token-1 --json | json status)" ATTACHED

run=$(as_device "{$pair}" '{"temperature": 21.5}')
check "no name asked for: one is given" "$(json answer.status <<<"$run")" SUCCESS
check "that device works, too" "$(json connected <<<"$run")" 0

run=$(as_device '{"deviceName": "nobody", "provisionDeviceKey": "wrong", "provisionDeviceSecret": "wrong"}' '{}')
check "unknown profile: NOT_FOUND" "$(json answer.status <<<"$run")" NOT_FOUND
check "and nothing is made" "$(gridtie devices list --json | grep -c '"nobody"' || true)" 0

# The whole of a meter's life, over both versions of the protocol.
round_trips "paho-mqtt, MQTT 3.1.1" paho-4 "${points[2]}" "$said_back" "$python" "$here/clients/pahometer.py" 4
round_trips "paho-mqtt, MQTT 5" paho-5 "${points[3]}" "$said_back" "$python" "$here/clients/pahometer.py" 5
round_trips "paho-mqtt, MQTT 3.1.1, websockets" paho-ws-4 "${points[4]}" "$said_back" "$python" "$here/clients/pahometer.py" 4 websockets
round_trips "paho-mqtt, MQTT 5, websockets" paho-ws-5 "${points[5]}" "$said_back" "$python" "$here/clients/pahometer.py" 5 websockets
