package profilefile_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/profilefile"
	"github.com/gridtie/gridtie/registry"
)

func TestLimits(t *testing.T) {
	t.Parallel()
	s := profilefile.Read([]engine.File{file("water", "k", `, "limits": {
    "payloadBytes": 8192, "depth": 4, "values": 50, "devices": 1000, "gatewayDevices": 200, "additionalInfo": "why",
    "rateLimits": {"messages": "20:1,600:60", "telemetryMessages": null, "telemetryDataPoints": "500:60"},
    "gatewayRateLimits": {"telemetryMessages": "100:1"}, "gatewayDeviceRateLimits": {"messages": "1:1"},
    "profileRateLimits": {"telemetryDataPoints": "100000:60", "additionalInfo": {}}
  }`)}, profilefile.Options{})
	if len(s.Findings) > 0 {
		t.Fatal(s.Findings)
	}
	want := registry.ProfileLimits{
		PayloadBytes: 8192, Depth: 4, Values: 50, Devices: 1000, GatewayDevices: 200,
		Rates:              registry.RateLimits{Messages: "20:1,600:60", TelemetryDataPoints: "500:60"},
		GatewayRates:       registry.RateLimits{TelemetryMessages: "100:1"},
		GatewayDeviceRates: registry.RateLimits{Messages: "1:1"},
		ProfileRates:       registry.RateLimits{TelemetryDataPoints: "100000:60"},
	}
	if got := s.Profiles()[0].Limits; got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestBadLimits(t *testing.T) {
	t.Parallel()
	for limits, want := range map[string][]string{
		`5`:                                      {" wrong-type"},
		`null`:                                   {" wrong-type"},
		`{}`:                                     nil,
		`{"payloadBytes": 65536}`:                nil,
		`{"payloadBytes": 65537}`:                {"/payloadBytes value"},
		`{"payloadBytes": 0}`:                    {"/payloadBytes value"},
		`{"depth": 33, "values": 1001}`:          {"/depth value", "/values value"},
		`{"depth": 1.5}`:                         {"/depth value"},
		`{"devices": "many"}`:                    {"/devices wrong-type"},
		`{"devices": 1000000001}`:                {"/devices value"},
		`{"rateLimits": "20:1"}`:                 {"/rateLimits wrong-type"},
		`{"rateLimits": {"messages": 20}}`:       {"/rateLimits/messages wrong-type"},
		`{"rateLimits": {"messages": "20"}}`:     {"/rateLimits/messages value"},
		`{"rateLimits": {"messages": "20:1:2"}}`: {"/rateLimits/messages value"},
		`{"profileRateLimits": {"telemetryMessages": "0:1", "telemetryDataPoints": "1:0"}}`: {
			"/profileRateLimits/telemetryMessages value", "/profileRateLimits/telemetryDataPoints value",
		},
		`{"rateLimit": {}}`:              {"/rateLimit unknown-field"},
		`{"rateLimits": {"points": ""}}`: {"/rateLimits/points unknown-field"},
	} {
		s := profilefile.Read([]engine.File{file("water", "k", `, "limits": `+limits)}, profilefile.Options{})
		var short []string
		for _, f := range s.Findings {
			short = append(short, strings.TrimPrefix(f.Pointer, "/profile/limits")+" "+f.Code)
		}
		if !slices.Equal(short, want) {
			t.Errorf("%s: got %q, want %q", limits, short, want)
		}
	}
}
