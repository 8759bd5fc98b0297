package thingsboard_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// hand is a clock that a test moves on.
type hand struct{ at atomic.Int64 }

func (h *hand) now() time.Time          { return time.Unix(1_000_000, h.at.Load()) }
func (h *hand) pass(d time.Duration)    { h.at.Add(int64(d)) }
func (h *hand) use(o *devices.Options)  { o.Now = h.now }
func guess(i int) login                 { return login{client: "any", user: fmt.Sprint("wrong-", i)} }
func provisionText(password any) string { return provisionFor(profileKey, password) }

func provisionFor(key string, password any) string {
	return fmt.Sprintf(`{"provisionDeviceKey":%q,"provisionDeviceSecret":%q}`, key, fmt.Sprint(password))
}

// TestGuessingTokens: over TCP, ten wrong tokens are told to be wrong, and then nothing is looked at any more, while
// everybody else is served.
func TestGuessingTokens(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	h.device("meters", "meter-1", token("T"))
	open := h.connect(login{client: "any", user: "T"}) // before the guessing begins
	for i := range 30 {
		want := byte(5)
		if i >= 10 {
			want = 3
		}
		if got := h.code(guess(i)); got != want {
			t.Errorf("wrong token %d: CONNACK %d, want %d", i+1, got, want)
		}
		if got := h.codeFrom("127.0.0.2", login{client: "any", user: "T"}); got != 0 {
			t.Errorf("the right token from another address: CONNACK %d, want 0", got)
		}
	}
	open.wantClosed() // taken over by the connection from the other address, not by who guessed
	if got := h.code(login{client: "any", user: "T"}); got != 3 {
		t.Errorf("the right token from the same address: CONNACK %d, want 3", got)
	}
	clock.pass(time.Minute)
	for i := range 11 {
		want := byte(5)
		if i == 10 {
			want = 3
		}
		if got := h.code(guess(100 + i)); got != want {
			t.Errorf("wrong token %d after a minute: CONNACK %d, want %d", i+1, got, want)
		}
	}
	clock.pass(6 * time.Second)
	if got := h.code(login{client: "any", user: "T"}); got != 0 {
		t.Errorf("the right token when the guessing is over: CONNACK %d, want 0", got)
	}
	h.log.wantNone(t, "wrong-")
}

// TestOpenSessionOutlivesGuessing: a device that is connected feels nothing of what its neighbours do.
func TestOpenSessionOutlivesGuessing(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	for i := range 20 {
		h.code(guess(i))
	}
	c.post("v1/devices/me/telemetry", `{"a":1}`)
}

// TestGuessingProvisioningSecrets: a throttled request has the answer of a wrong one, and its connection is closed.
func TestGuessingProvisioningSecrets(t *testing.T) {
	t.Parallel()
	for _, key := range []string{profileKey, "unknown"} {
		t.Run(key, func(t *testing.T) {
			t.Parallel()
			clock := &hand{}
			h := build(t, clock.use)
			c := h.provisioning()
			for i := range 5 {
				c.post("/provision/request", provisionFor(key, i))
				c.wantMessage("/provision/response", notFound, 1)
			}
			c.ping()
			c.post("/provision/request", provisionFor(key, "x"))
			c.wantMessage("/provision/response", notFound, 1)
			c.wantClosed()

			c = h.provisioning()
			c.post("/provision/request", provisionFor(key, profileSecret))
			c.wantMessage("/provision/response", notFound, 1)
			c.wantClosed()

			clock.pass(12 * time.Second)
			c = h.provisioning()
			c.post("/provision/request", provisionText(profileSecret))
			if p := c.receive(); string(p.Payload) == notFound {
				t.Errorf("the right secret soon after: got %s, want credentials", p.Payload)
			}
			h.log.wantNone(t, "unknown")
		})
	}
}

// TestBrokenMeterBehindOneAddress: it repeats an old secret for the key that all others have, too.
func TestBrokenMeterBehindOneAddress(t *testing.T) {
	t.Parallel()
	clock := &hand{}
	h := build(t, clock.use)
	for i := range 20 {
		broken := h.provisioning()
		broken.post("/provision/request", provisionText("old"))
		broken.wantMessage("/provision/response", notFound, 1)
		c := h.provisioning()
		c.post("/provision/request", provisionText(profileSecret))
		if p := c.receive(); string(p.Payload) == notFound {
			t.Fatalf("meter %d: got %s, want credentials", i, p.Payload)
		}
	}
}

// TestRequestsOfAProvisionSession: it may ask a hundred times.
func TestRequestsOfAProvisionSession(t *testing.T) {
	t.Parallel()
	inFakeTime(t, packet.Connect{ClientID: "provision"}, func(c *client) {
		for range 100 {
			c.publish("/provision/request", provisionText("x"), 0)
			c.wantMessage("/provision/response", notFound, 1)
			time.Sleep(15 * time.Second)
		}
		c.publish("/provision/request", provisionText("x"), 0)
		c.wantClosed()
	})
}
