package crashtest

import "github.com/gridtie/gridtie/registry"

// way is the protocol that a meter speaks.
type way uint8

const (
	overMQTT way = iota
	overHTTP
	overCoAP
)

// wayOf gives each protocol its share. MQTT alone knows user names and passwords.
func wayOf(n int) way {
	if wanted(n).Type == registry.MQTTBasic {
		return overMQTT
	}
	return [...]way{overHTTP, overCoAP, overMQTT}[n/3%3]
}
