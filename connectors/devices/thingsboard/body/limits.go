package body

import (
	"strconv"

	"github.com/gridtie/gridtie/registry"
)

// MethodSessionLimits is what a device asks to learn how much it may send. The transport answers it; no chain hears of it.
const MethodSessionLimits = "getSessionLimits"

// Limits are told to a device that asks for them.
type Limits struct {
	Payload  int // bytes of one packet
	Inflight int // messages that may wait for their acknowledgement
	Rates    registry.RateLimits
	Gateway  *registry.RateLimits // of what a gateway sends for others; nil for other devices
}

// SessionLimits is the answer to MethodSessionLimits, in the form of ThingsBoard's SessionLimits and GatewaySessionLimits. A
// limit that is not set is null.
func SessionLimits(l Limits) []byte {
	b := strconv.AppendInt([]byte(`{"maxPayloadSize":`), int64(l.Payload), 10)
	b = strconv.AppendInt(append(b, `,"maxInflightMessages":`...), int64(l.Inflight), 10)
	b = appendRates(append(b, `,"rateLimits":`...), l.Rates)
	if l.Gateway != nil {
		b = appendRates(append(b, `,"gatewayRateLimits":`...), *l.Gateway)
	}
	return append(b, '}')
}

func appendRates(b []byte, l registry.RateLimits) []byte {
	for i, r := range l.Each() {
		b = Quote(append(b, "{,"[min(i, 1)]), r.Name)
		if b = append(b, ':'); *r.Limit == "" {
			b = append(b, "null"...)
		} else {
			b = Quote(b, string(*r.Limit))
		}
	}
	return append(b, '}')
}

// Dropped tells a gateway that the session of a device behind it has ended, and why: {"device":"A","reason":152}, a reason
// code of MQTT 5's DISCONNECT.
func Dropped(device string, reason byte) []byte {
	b := append(Quote([]byte(`{"device":`), device), `,"reason":`...)
	return append(strconv.AppendInt(b, int64(reason), 10), '}')
}
