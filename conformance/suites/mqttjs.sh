# Meters of MQTT.js, the client of the JavaScript world.
# shellcheck shell=bash disable=SC2154

supplier acme 000712
node_modules

round_trips "MQTT.js, MQTT 3.1.1" js-4 "${points[0]}" "$said_back" env NODE_PATH="$modules" node "$here/clients/mqttjs.js" 4
round_trips "MQTT.js, MQTT 5" js-5 "${points[1]}" "$said_back" env NODE_PATH="$modules" node "$here/clients/mqttjs.js" 5
round_trips "MQTT.js, MQTT 3.1.1, websockets" js-ws-4 "${points[2]}" "$said_back" env NODE_PATH="$modules" node "$here/clients/mqttjs.js" 4 ws
round_trips "MQTT.js, MQTT 5, websockets" js-ws-5 "${points[3]}" "$said_back" env NODE_PATH="$modules" node "$here/clients/mqttjs.js" 5 ws
check "nothing went to the dead letters" "$(gridtie dead-letters list --json | json deadLetters)" '[]'
