package thingsboard_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard"
	"github.com/gridtie/gridtie/registry"
)

// ten is a package of ten bytes.
const ten = "0123456789"

func named(version string) registry.PackageName {
	return registry.PackageName{Title: "meter", Version: version}
}

// pkg adds a package of the title "meter" and assigns it to the profile "meters".
func (h *house) pkg(k registry.PackageKind, version, content string) registry.Package {
	h.t.Helper()
	p, err := h.registry.AddPackage(context.Background(),
		registry.Package{Kind: k, PackageName: named(version), File: "meter " + version + ".bin"}, strings.NewReader(content))
	must(h.t, err)
	h.assign(k, version)
	return p
}

func (h *house) assign(k registry.PackageKind, version string) {
	h.t.Helper()
	_, err := h.registry.AssignPackage(context.Background(), k, named(version), registry.Assignees{Profile: "meters"})
	must(h.t, err)
}

func (h *house) unassign(k registry.PackageKind) {
	h.t.Helper()
	_, err := h.registry.UnassignPackage(context.Background(), k, registry.Assignees{Profile: "meters"})
	must(h.t, err)
}

// load asks for a chunk, and needs it.
func (c *client) load(kind, id string, n int, size, want string) {
	c.t.Helper()
	c.post(fmt.Sprintf("v2/%s/request/%s/chunk/%d", kind, id, n), size)
	c.wantMessage(fmt.Sprintf("v2/%s/response/%s/chunk/%d", kind, id, n), want, 1)
}

func TestD45_PackageInChunks(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	h.pkg(registry.Firmware, "1", ten)
	h.pkg(registry.Software, "1", "abc")
	// Nothing is subscribed to. The size stays with the id, for each kind apart.
	c.load("fw", "1", 0, "4", "0123")
	c.load("fw", "1", 1, "", "4567")
	c.load("fw", "1", 2, "4", "89")
	c.load("fw", "1", 3, "4", "")
	c.load("fw", "1", 2147483647, "4", "")
	c.load("fw", "2", 0, "", ten)
	c.load("fw", "2", 5, "0", ten) // all of it, as long as no size is named
	c.load("sw", "1", 0, "", "abc")
	c.load("sw", "1", 1, "2", "c")
	c.load("fw", "1", 1, "", "4567")
	c.load("fw", "1", 2, "3", "678")
	c.load("fw", "00000000000000000000000001", 0, "65536", ten)
	if got := h.seen.types(); len(got) != 0 {
		t.Errorf("the chains heard of %v", got)
	}
}

func TestD45_PackageQoS(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	h.pkg(registry.Firmware, "1", ten)
	const request, response = "v2/fw/request/1/chunk/0", "v2/fw/response/1/chunk/0"
	for _, step := range []struct {
		filter string
		qos    byte
		code   byte
		want   byte
	}{
		{"v2/fw/response/+", 0, 0x80, 1}, // what ThingsBoard's own client subscribes to
		{"v2/sw/response/+/chunk/+", 0, 0, 1},
		{"v2/fw/response/+/chunk/+", 0, 0, 0},
		{"v2/fw/response/+/chunk/+", 2, 1, 1},
		{"v2/fw/error", 0, 0, 1},
	} {
		if code := c.subscribe(step.filter, step.qos); code != step.code {
			t.Errorf("%s: SUBACK %d, want %d", step.filter, code, step.code)
		}
		c.publish(request, "", 0)
		c.wantMessage(response, ten, step.want)
	}
	h.unassign(registry.Firmware)
	c.publish(request, "", 1)
	c.wantMessage("v2/fw/error", "NOT_FOUND", 0)
	c.wantClosed()
}

func TestD45_NoPackage(t *testing.T) {
	t.Parallel()
	h := build(t)
	h.device("meters", "meter-1", token("T"))
	h.pkg(registry.Firmware, "1", ten)
	for _, c := range []struct{ name, topic, size, want string }{
		{"none of the kind", "v2/sw/request/1/chunk/0", "4", "NOT_FOUND"},
		{"too large", "v2/fw/request/1/chunk/0", "65537", "PAYLOAD_TOO_LARGE"},
		{"larger than any", "v2/fw/request/1/chunk/0", "2147483648", ""},
		{"no number", "v2/fw/request/1/chunk/0", "four", ""},
		{"negative", "v2/fw/request/1/chunk/0", "-4", ""},
		{"signed", "v2/fw/request/1/chunk/0", "+4", ""},
		{"blank", "v2/fw/request/1/chunk/0", " ", ""},
		{"chunk beyond any", "v2/fw/request/1/chunk/2147483648", "4", ""},
	} {
		for _, qos := range []byte{0, 1} {
			meter := h.connect(login{client: "any", user: "T"})
			meter.publish(c.topic, c.size, qos)
			if c.want != "" {
				meter.wantMessage("v2/fw/error", c.want, 1)
			}
			meter.wantClosed()
		}
	}
	// With MQTT 5 the same, and a reason.
	meter := h.connect5(login{client: "any", user: "T"}, nil)
	meter.publish("v2/sw/request/1/chunk/0", "4", 1)
	meter.wantMessage("v2/fw/error", "NOT_FOUND", 1)
	meter.want(packet.DISCONNECT)
	meter.wantClosed()
}

// TestD45_WholePackage: a package that is larger than a chunk may be is not sent as one.
func TestD45_WholePackage(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	const largest = 64 << 10
	text := strings.Repeat("0123456789abcdef", largest/16)
	h.pkg(registry.Firmware, "1", text)
	c.load("fw", "1", 0, "", text)
	h.pkg(registry.Firmware, "2", text+"!")
	c.load("fw", "1", 0, "65536", text)
	c.load("fw", "1", 1, "", "!")
	c.publish("v2/fw/request/2/chunk/0", "", 1)
	c.wantMessage("v2/fw/error", "PAYLOAD_TOO_LARGE", 1)
	c.wantClosed()
}

// TestPackageStaysTheSame: what is assigned while a device loads begins with the next first chunk.
func TestPackageStaysTheSame(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	h.pkg(registry.Firmware, "1", ten)
	c.load("fw", "1", 0, "4", "0123")
	h.pkg(registry.Firmware, "2", "ABCDEFGHIJ")
	c.load("fw", "1", 1, "", "4567")
	c.load("fw", "2", 1, "4", "EFGH")
	c.load("fw", "1", 0, "", "ABCD")
	c.load("fw", "1", 1, "", "EFGH")
	h.pkg(registry.Firmware, "3", ten)
	must(t, h.registry.DeletePackage(context.Background(), registry.Firmware, named("2")))
	c.publish("v2/fw/request/1/chunk/2", "", 1)
	c.wantMessage("v2/fw/error", "NOT_FOUND", 1)
	c.wantClosed()
}

// TestRequestIDsAreForgotten: of more ids than are remembered, the one that was asked for longest ago has lost its size.
func TestRequestIDsAreForgotten(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	h.pkg(registry.Firmware, "1", ten)
	for id := range 8 {
		c.load("fw", fmt.Sprint(id), 0, "4", "0123")
	}
	c.load("fw", "0", 0, "", "0123")
	c.load("fw", "8", 0, "4", "0123")
	c.load("fw", "0", 0, "", "0123")
	c.load("fw", "1", 0, "", ten)
}

func TestPackageTopics(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	h.pkg(registry.Firmware, "1", ten)
	for _, topic := range []string{
		"v2/fw/request/1", "v2/fw/request//chunk/0", "v2/fw/request/1/chunk/", "v2/fw/request/1/chunk/-1", "v2/fw/request/x/chunk/0",
		"v2/fw/request/1/chunk/0/0", "v2/fw/response/1/chunk/0", "v2/hw/request/1/chunk/0",
	} {
		c.post(topic, "4") // acknowledged and dropped
	}
	c.ping()
}

// TestPackageIsAnnounced: a subscriber hears of an assignment, and of its end, like of any shared attribute.
func TestPackageIsAnnounced(t *testing.T) {
	t.Parallel()
	h := build(t)
	_, c := h.meter()
	c.subscribe(attributes, 1)
	p := h.pkg(registry.Firmware, "1", ten)
	c.wantMessage(attributes, `{"fw_title":"meter","fw_version":"1","fw_size":10,"fw_checksum":"`+p.Checksum+
		`","fw_checksum_algorithm":"SHA256"}`, 1)
	h.assign(registry.Firmware, "1")
	h.unassign(registry.Firmware)
	c.wantMessage(attributes, `{"deleted":["fw_title","fw_version","fw_size","fw_checksum","fw_checksum_algorithm"]}`, 1)
	c.ping()
}

// FuzzChunkRequest: every topic and payload has a fate, and what is asked for is answered on a topic that there may be.
func FuzzChunkRequest(f *testing.F) {
	for _, topic := range []string{
		"v2/fw/request/1/chunk/0", "v2/sw/request/007/chunk/2147483647", "v2/fw/request/1/chunk/2147483648", "v2/fw/request/", "v2/sw/",
		"v2/fw/request/1/chunk/1/chunk/1", "v2/fw/request/+/chunk/#", "x",
	} {
		for _, size := range []string{"", "4", "65537", "-1", "٤"} {
			f.Add(topic, []byte(size))
		}
	}
	f.Fuzz(func(t *testing.T, topic string, payload []byte) {
		answer, number, ok := thingsboard.ChunkTopic(topic)
		if ok && (number < 0 || len(answer) > len(topic)+1 || packet.ValidTopic(topic) && !packet.ValidTopic(answer)) {
			t.Errorf("topic %q is answered on %q", topic, answer)
		}
		if size, ok := thingsboard.ChunkSize(payload); ok && (size < 0 || len(bytes.Trim(payload, "0123456789")) > 0) {
			t.Errorf("payload %q is a size of %d", payload, size)
		}
	})
}
