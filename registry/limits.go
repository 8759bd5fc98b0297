package registry

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/registry/rate"
)

// ProfileLimits bound what devices of a profile may do. What is zero is not limited, or not lower than for everybody.
type ProfileLimits struct {
	PayloadBytes int `json:"payloadBytes,omitempty"` // of attributes or telemetry; at most MaxPayloadBytes
	Depth        int `json:"depth,omitempty"`        // objects and arrays within each other; at most MaxPayloadDepth
	Values       int `json:"values,omitempty"`       // in a payload, objects and arrays included; at most MaxPayloadValues

	Devices        int `json:"devices,omitempty"`        // of the profile, however they are made
	GatewayDevices int `json:"gatewayDevices,omitempty"` // that a gateway of the profile may be the first to speak for

	// Rates are those of each device, behind a gateway or not; GatewayRates hold for all that one gateway sends for the
	// devices behind it, and GatewayDeviceRates for what it sends for itself, in the place of Rates; ProfileRates hold for
	// all devices of the profile together. ThingsBoard has the first three in its tenant profiles.
	Rates              RateLimits `json:"rateLimits,omitzero"`
	GatewayRates       RateLimits `json:"gatewayRateLimits,omitzero"`
	GatewayDeviceRates RateLimits `json:"gatewayDeviceRateLimits,omitzero"`
	ProfileRates       RateLimits `json:"profileRateLimits,omitzero"`
}

// RateLimits are how often something may be sent, as ThingsBoard counts: a message with at least one key and value takes one
// of TelemetryMessages and as many of TelemetryDataPoints as it has values, attributes too; any other takes one of Messages.
type RateLimits struct {
	Messages            rate.Limit `json:"messages,omitempty"`
	TelemetryMessages   rate.Limit `json:"telemetryMessages,omitempty"`
	TelemetryDataPoints rate.Limit `json:"telemetryDataPoints,omitempty"`
}

// What a profile can ask for at most: what holds for everybody.
const (
	MaxPayloadBytes  = 64 << 10
	MaxPayloadDepth  = 32
	MaxPayloadValues = 1000
	MaxDevices       = 1_000_000_000
)

// LimitNumber is one of the numbers among the limits, with its name in JSON and the most that it can be.
type LimitNumber struct {
	Name  string
	Value *int
	Most  int
}

// Numbers are the limits that are numbers, in the order of the documentation.
func (l *ProfileLimits) Numbers() []LimitNumber {
	return []LimitNumber{
		{"payloadBytes", &l.PayloadBytes, MaxPayloadBytes},
		{"depth", &l.Depth, MaxPayloadDepth},
		{"values", &l.Values, MaxPayloadValues},
		{"devices", &l.Devices, MaxDevices},
		{"gatewayDevices", &l.GatewayDevices, MaxDevices},
	}
}

// LimitKind is one of the kinds of rates, with its name in JSON.
type LimitKind struct {
	Name  string
	Rates *RateLimits
}

// Kinds are the rates by kind, in the order of the documentation.
func (l *ProfileLimits) Kinds() []LimitKind {
	return []LimitKind{
		{"rateLimits", &l.Rates},
		{"gatewayRateLimits", &l.GatewayRates},
		{"gatewayDeviceRateLimits", &l.GatewayDeviceRates},
		{"profileRateLimits", &l.ProfileRates},
	}
}

// LimitRate is one of the three limits of a kind, with its name in JSON.
type LimitRate struct {
	Name  string
	Limit *rate.Limit
}

// Each is every limit of the kind.
func (l *RateLimits) Each() []LimitRate {
	return []LimitRate{
		{"messages", &l.Messages}, {"telemetryMessages", &l.TelemetryMessages}, {"telemetryDataPoints", &l.TelemetryDataPoints},
	}
}

func (l *ProfileLimits) check() error {
	for _, n := range l.Numbers() {
		if *n.Value < 0 || *n.Value > n.Most {
			return fmt.Errorf("%w: limit %s is %d, want 0 to %d", ErrInvalid, n.Name, *n.Value, n.Most)
		}
	}
	var first error
	for _, k := range l.Kinds() {
		for _, r := range k.Rates.Each() {
			if err := r.Limit.Check(); err != nil {
				first = cmp.Or(first, fmt.Errorf("%w: %s.%s: %w", ErrInvalid, k.Name, r.Name, err))
			}
		}
	}
	return first
}

// ParseRateLimits reads rates as commands take them: NAME=LIMIT with blanks between, such as
// "messages=20:1,600:60 telemetryMessages=10:1". Empty: none.
func ParseRateLimits(text string) (l RateLimits, err error) {
	for _, word := range strings.Fields(text) {
		name, limit, ok := strings.Cut(word, "=")
		known := l.Each()
		i := slices.IndexFunc(known, func(r LimitRate) bool { return r.Name == name })
		if !ok || i < 0 {
			return RateLimits{}, fmt.Errorf("%w: %q is not NAME=LIMIT, the names being messages, telemetryMessages and telemetryDataPoints", ErrInvalid, word)
		}
		if err := rate.Limit(limit).Check(); err != nil {
			return RateLimits{}, fmt.Errorf("%w: %s: %w; %s", ErrInvalid, name, err, rate.Example)
		}
		*known[i].Limit = rate.Limit(limit)
	}
	return l, nil
}

// String writes rates as ParseRateLimits reads them.
func (l RateLimits) String() string {
	var words []string
	for _, r := range l.Each() {
		if *r.Limit != "" {
			words = append(words, r.Name+"="+string(*r.Limit))
		}
	}
	return strings.Join(words, " ")
}
