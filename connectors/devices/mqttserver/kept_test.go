package mqttserver_test

import "github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"

// resumed is the CONNACK of MQTT 3.1.1 for a session that was there.
const resumed = "\x20\x02\x01\x00"

// stored is a CONNECT of MQTT 3.1.1 without clean session.
func stored(id string) string {
	c := packet.Connect{Version: packet.V311, KeepAlive: 60, ClientID: id}
	return string(c.Append(nil))
}
