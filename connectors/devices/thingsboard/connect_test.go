package thingsboard_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/registry"
)

// wantDevice posts an attribute and needs it to come from that device.
func (h *house) wantDevice(c *client, want registry.Device) {
	h.t.Helper()
	before := len(h.seen.types())
	c.post("v1/devices/me/attributes", `{"a":1}`)
	if got := h.seen.want(h.t, before+1)[before].Origin(); got.ID != want.ID || got.Name != want.Name {
		h.t.Errorf("device: got %q, want %q", got.Name, want.Name)
	}
}

func TestC02_Refusals(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "m", token("T"))
	h.device("meters", "b", basic("c", "u", "p"))
	for _, c := range []struct {
		name  string
		login login
		want  byte
	}{
		{"wrong token", login{client: "any", user: "X"}, 5},
		{"token in other case", login{client: "any", user: "t"}, 5},
		{"token as client id", login{client: "T", noUser: true}, 2},
		{"unknown client id alone", login{client: "any", noUser: true}, 2},
		{"unknown client id, empty user name", login{client: "any"}, 5},
		{"nothing at all", login{noUser: true}, 5},
		{"provision in other case", login{client: "any", user: "Provision"}, 5},
		{"wrong password", login{client: "c", user: "u", password: "x"}, 5},
		{"no password", login{client: "c", user: "u"}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := h.code(c.login); got != c.want {
				t.Errorf("CONNACK: got %d, want %d", got, c.want)
			}
		})
	}
}

func TestC06_TokenWithAnyOtherCredentials(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.device("meters", "m", token("T"))
	h.wantDevice(h.connect(login{client: "whatever", user: "T", password: "whatever"}), d)
}

func TestC07_ClientIDOnly(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.device("meters", "m", basic("only", "", ""))
	h.wantDevice(h.connect(login{client: "only", noUser: true}), d)
}

func TestC08_ClientIDSelects(t *testing.T) {
	t.Parallel()
	h := build(t)
	a := h.device("meters", "a", token("UserName1"))
	b := h.device("meters", "b", basic("ClientId", "UserName1", ""))
	h.wantDevice(h.connect(login{client: "ClientId", user: "UserName1"}), b)
	h.wantDevice(h.connect(login{client: "other", user: "UserName1"}), a)
}

func TestC09_AllThree(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.device("meters", "m", basic("ClientId", "UserName2", "secret"))
	h.wantDevice(h.connect(login{client: "ClientId", user: "UserName2", password: "secret"}), d)
}

func TestC10_UserNameAndPassword(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.device("meters", "m", basic("", "u", "p"))
	h.wantDevice(h.connect(login{client: "any", user: "u", password: "p"}), d)
	if got := h.code(login{client: "any", user: "u"}); got != 5 {
		t.Errorf("CONNACK without password: got %d, want 5", got)
	}
}

func TestC11_NoStoredPassword(t *testing.T) {
	t.Parallel()
	h := build(t)
	d := h.device("meters", "m", basic("c", "u", ""))
	h.wantDevice(h.connect(login{client: "c", user: "u", password: "anything"}), d)
}

func TestC12_DeletedDeviceIsCutOff(t *testing.T) {
	t.Parallel()
	h := build(t)
	d, c := h.meter()
	must(t, h.registry.DeleteDevice(context.Background(), d.ID))
	c.wantClosed()
	if got := h.code(login{client: "any", user: "T"}); got != 5 {
		t.Errorf("CONNACK: got %d, want 5", got)
	}
}

func TestC14_PublishesBeforeConnack(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "m", token("T"))
	c := h.dial()
	burst := login{client: "any", user: "T"}.packet()
	const n = 150 // ThingsBoard closes the session at the 101st; here the rest waits
	for i := range n {
		p := packet.Publish{Topic: "v1/devices/me/attributes", QoS: 1, ID: uint16(i + 1), Payload: fmt.Appendf(nil, `{"i":%d}`, i)}
		burst = p.Append(burst)
	}
	c.send(burst)
	if code := c.connack(); code != 0 {
		t.Fatalf("CONNACK: got %d, want 0", code)
	}
	for i := range n {
		c.wantPuback(uint16(i + 1))
	}
	for i, m := range h.seen.want(t, n) {
		if got, want := m.Data().Text(), fmt.Sprintf(`{"i":%d}`, i); got != want {
			t.Fatalf("message %d: got %s, want %s", i, got, want)
		}
	}
}

func TestC16_PersistentSessionIsTolerated(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "m", token("T"))
	c := h.dial()
	p := packet.Connect{Version: packet.V311, ClientID: "any", HasUserName: true, UserName: "T"}
	c.send(p.Append(nil))
	if code := c.connack(); code != 0 {
		t.Fatalf("CONNACK: got %d, want 0", code)
	}
	c.ping()
}

// TestTakeOver: sessions belong to devices, not to client ids.
func TestTakeOver(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, first := h.meter()
	second := h.connect(login{client: "other", user: "T"})
	first.wantClosed()
	second.ping()
	h.device("meters", "meter-2", token("T2"))
	third := h.connect(login{client: "other", user: "T2"})
	second.ping()
	third.ping()
	if got := h.service.Connected(); got != 2 {
		t.Errorf("connected: got %d, want 2", got)
	}
	// A wrong secret takes nothing over.
	h.code(login{client: "other", user: "X"})
	second.ping()
}
