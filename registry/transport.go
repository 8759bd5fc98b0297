package registry

import (
	"fmt"
	"unicode/utf8"
)

// TransportType is what devices of a profile speak, named as ThingsBoard names it.
type TransportType string

const (
	TransportDefault TransportType = "DEFAULT" // MQTT, HTTP and CoAP, with the topics and paths that are fixed
	TransportMQTT    TransportType = "MQTT"    // MQTT, with topic filters of the profile's own
	TransportCoAP    TransportType = "COAP"
)

// maxTopicFilter is the length of a topic filter in bytes.
const maxTopicFilter = 256

// Transport says what devices of a profile speak, and under which topics. The fields are those of ThingsBoard's
// MqttDeviceProfileTransportConfiguration; an empty filter stands for the topic of the fixed list. In a filter "+" stands
// for at least one character within a level, and "/#" for the end or any deeper levels; "#" alone is every topic.
type Transport struct {
	TransportType            TransportType `json:"transportType"`                            // empty in rows of older versions: DEFAULT
	TelemetryTopic           string        `json:"deviceTelemetryTopic,omitempty"`           // filter of what devices publish
	AttributesTopic          string        `json:"deviceAttributesTopic,omitempty"`          // filter, asked before that of telemetry
	AttributesSubscribeTopic string        `json:"deviceAttributesSubscribeTopic,omitempty"` // what devices may subscribe to, to the letter
}

// Speaks reports whether devices of the profile may connect over a transport. HTTP asks for no such leave.
func (t Transport) Speaks(over TransportType) bool {
	return t.TransportType == "" || t.TransportType == TransportDefault || t.TransportType == over
}

// CheckTransport says what is wrong with it, nil if nothing is.
func (t Transport) CheckTransport() error {
	switch t.TransportType {
	case TransportDefault, TransportMQTT, TransportCoAP:
	default:
		return fmt.Errorf("%w: transport type %q", ErrInvalid, t.TransportType)
	}
	for _, filter := range []string{t.TelemetryTopic, t.AttributesTopic, t.AttributesSubscribeTopic} {
		switch {
		case filter == "":
		case t.TransportType != TransportMQTT:
			return fmt.Errorf("%w: topic filter %q needs transport type %s", ErrInvalid, filter, TransportMQTT)
		case len(filter) > maxTopicFilter || !utf8.ValidString(filter) || hasControl(filter):
			return fmt.Errorf("%w: topic filter %q", ErrInvalid, filter)
		}
	}
	return nil
}
