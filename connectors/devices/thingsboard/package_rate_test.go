package thingsboard_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/registry"
)

// A download costs one message, however many chunks or blocks it has; the one after it is too much.

func TestR08_MQTTDownload(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.limit(func(l *registry.ProfileLimits) { l.Rates.Messages = "2:60" }) // one of them is the connection
	h.device("meters", "meter-1", token("T"))
	h.pkg(registry.Firmware, "1", ten)
	c := h.connect(login{client: "any", user: "T"})
	c.load("fw", "1", 0, "4", "0123")
	c.load("fw", "1", 1, "", "4567")
	c.load("fw", "1", 2, "", "89")
	c.publish("v2/fw/request/2/chunk/0", "4", 1)
	c.wantClosed()
}

func TestR08_HTTPDownload(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.limit(func(l *registry.ProfileLimits) { l.Rates.Messages = "1:60" })
	w := openSite(h)
	w.device("meters", "meter-1", token("T"))
	h.pkg(registry.Firmware, "1", ten)
	w.want("GET", "/api/v1/T/firmware?title=meter&version=1", "", http.StatusOK, ten)
	w.want("GET", "/api/v1/T/firmware?title=meter&version=1", "", http.StatusTooManyRequests,
		`{"status":429,"message":"more messages came than the limit allows: device"}`+"\n")
}

func TestR08_CoAPDownload(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.limit(func(l *registry.ProfileLimits) { l.Rates.Messages = "1:60" })
	p.device("meters", "meter-1", token("T"))
	p.pkg(registry.Firmware, "1", strings.Repeat("x", 3000))
	m := p.meter()
	if _, blocks := m.load("/fw/T?title=meter"); blocks != 3 {
		t.Errorf("got %d blocks, want 3", blocks)
	}
	m.want(message.GET, "/fw/T", "", message.InternalServerError, "")
}
