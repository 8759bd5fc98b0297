package registry_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

func TestTransportOfAProfile(t *testing.T) {
	t.Parallel()
	b := open(t)
	for _, c := range []struct {
		name      string
		transport registry.Transport
		refused   bool
	}{
		{"none", registry.Transport{}, false},
		{"default", registry.Transport{TransportType: registry.TransportDefault}, false},
		{"coap", registry.Transport{TransportType: registry.TransportCoAP}, false},
		{"mqtt-filters", registry.Transport{
			TransportType: registry.TransportMQTT, TelemetryTopic: "data/+/t", AttributesTopic: "#", AttributesSubscribeTopic: "s",
		}, false},
		{"unknown", registry.Transport{TransportType: "LWM2M"}, true},
		{"filter-without-mqtt", registry.Transport{TransportType: registry.TransportDefault, TelemetryTopic: "t"}, true},
		{"filter-too-long", registry.Transport{TransportType: registry.TransportMQTT, TelemetryTopic: strings.Repeat("a", 257)}, true},
		{"filter-with-control", registry.Transport{TransportType: registry.TransportMQTT, AttributesTopic: "a\x00"}, true},
		{"filter-not-text", registry.Transport{TransportType: registry.TransportMQTT, AttributesTopic: "\xff"}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := registry.NewProfile(c.name)
			p.Transport = c.transport
			got, err := b.AddProfile(t.Context(), p, secret.Text{})
			if refused := errors.Is(err, registry.ErrInvalid); refused != c.refused {
				t.Fatalf("adding the profile: got %v, want refused %v", err, c.refused)
			}
			if c.refused {
				return
			}
			if got.TransportType == "" {
				t.Error("the profile has no transport type")
			}
			for _, over := range []registry.TransportType{registry.TransportMQTT, registry.TransportCoAP} {
				want := got.TransportType == registry.TransportDefault || got.TransportType == over
				if got.Speaks(over) != want {
					t.Errorf("speaks %s: got %v, want %v", over, !want, want)
				}
			}
		})
	}
}
