package server_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/internal/server"
)

// TestLimitsOfAFileAreReadAgain: a profile file gets limits under a running server: devices that are there count, and the
// rate holds for a meter that is connected.
func TestLimitsOfAFileAreReadAgain(t *testing.T) {
	t.Parallel()
	profiles := t.TempDir()
	file := filepath.Join(profiles, "water.json")
	open := profileFile("water", "punto", "")
	write(t, file, strings.Replace(open, `"chain": "",`, "", 1))
	s := start(t, server.Options{
		Data: filepath.Join(t.TempDir(), "data"), Profiles: profiles, Secrets: secretsFolder(t), ChainsSettle: 5 * time.Millisecond,
	})
	provisioning := connectMQTT(t, s, "provision")
	answers := make(chan string, 1)
	settled(t, provisioning.Subscribe("/provision/response", 1, func(_ paho.Client, m paho.Message) { answers <- string(m.Payload()) }))
	provision := func(name, want string) {
		t.Helper()
		settled(t, provisioning.Publish("/provision/request", 1, false, `{"deviceName":"`+name+`","token":"`+name+
			`","provisionDeviceKey":"hunter2-key","provisionDeviceSecret":"hunter2-secret"}`))
		if got := <-answers; !strings.Contains(got, want) {
			t.Errorf("provisioning %s: got %s, want %s", name, got, want)
		}
	}
	provision("one", "SUCCESS")
	provision("two", "SUCCESS")
	meter := connectMQTT(t, s, "one")
	settled(t, meter.Publish("v1/devices/me/telemetry", 1, false, `{"a":1}`))

	write(t, file, strings.Replace(open, `"chain": "",`, `"limits": {"devices": 2, "rateLimits": {"telemetryMessages": "1:3600"}},`, 1))
	eventually(t, "the limits", func() bool {
		ofProfile, all, counted := s.Registry().CountedDevices("water")
		return counted && ofProfile == 2 && all == 2
	})
	provision("three", "FAILURE")
	settled(t, meter.Publish("v1/devices/me/telemetry", 1, false, `{"a":1}`))
	if sent := meter.Publish("v1/devices/me/telemetry", 1, false, `{"a":1}`); sent.Wait() && sent.Error() == nil {
		t.Error("a message beyond the rate was acknowledged")
	}
}
