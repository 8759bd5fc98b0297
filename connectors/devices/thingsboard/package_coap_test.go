package thingsboard_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/registry"
)

// load reads a body block by block, as a client that follows the server's size of blocks.
func (m *coapMeter) load(address string) (body string, blocks int) {
	m.t.Helper()
	for more := true; more; blocks++ {
		path, query, _ := strings.Cut(strings.TrimPrefix(address, "/"), "?")
		m.id++
		d := message.Message{Type: message.Confirmable, Code: message.GET, ID: m.id, Token: []byte{byte(m.id >> 8), byte(m.id)}}
		for _, s := range strings.Split(path, "/") {
			d.Options = d.Options.Add(message.URIPath, []byte(s))
		}
		for _, s := range strings.Split(query, "&") {
			d.Options = d.Options.Add(message.URIQuery, []byte(s))
		}
		if blocks > 0 {
			d.Options = d.Options.AddBlock(message.Block2, message.Block{Number: uint32(blocks), Size: message.Largest})
		}
		m.write(d)
		a := m.next()
		if a.Code != contentCode {
			m.t.Fatalf("%s, block %d: got %v", address, blocks, a.Code)
		}
		b, _, _ := a.Options.Block(message.Block2)
		body, more = body+string(a.Payload), b.More
	}
	return body, blocks
}

func TestCoAPLoadsPackages(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.device("meters", "meter-1", token("T"))
	m := p.meter()
	m.want(message.GET, "/fw/T", "", message.NotFound, "")
	p.pkg(registry.Firmware, "1", ten)
	for _, c := range []struct {
		query string
		code  message.Code
		want  string
	}{
		{"", contentCode, ten},
		{"?title=meter&version=1", contentCode, ten},
		{"?version=1&size=4", contentCode, "0123"},
		{"?size=4&chunk=1", contentCode, "4567"},
		{"?size=4&chunk=2", contentCode, "89"},
		{"?size=4&chunk=3", contentCode, ""},
		{"?title=other", message.BadRequest, ""},
		{"?title=meter&version=2", message.BadRequest, ""},
		{"?size=x", message.BadRequest, ""},
		{"?chunk=-1", message.BadRequest, ""},
	} {
		m.want(message.GET, "/fw/T"+c.query, "", c.code, c.want)
	}
	m.want(message.GET, "/sw/T", "", message.NotFound, "")
	m.want(message.POST, "/fw/T", "", message.MethodNotAllowed, "")
	m.want(message.DELETE, "/sw/T", "", message.MethodNotAllowed, "")
	p.pkg(registry.Software, "1", "abc")
	m.want(message.GET, "/sw/T", "", contentCode, "abc")
	m.want(message.GET, "/sw/nobody", "", message.Unauthorized, "")
	if f, _ := m.ask(message.GET, "/sw/T", "").Options.Uint(message.ContentFormat); f != 42 {
		t.Errorf("Content-Format: got %d, want 42", f)
	}
}

// TestCoAPLoadsPackagesInBlocks loads more than is kept for any peer, and a chunk that is larger than a block.
func TestCoAPLoadsPackagesInBlocks(t *testing.T) {
	t.Parallel()
	p := buildPort(t)
	p.device("meters", "meter-1", token("T"))
	text := strings.Repeat("0123456789abcde", 80_000)
	p.pkg(registry.Firmware, "1", text)
	m := p.meter()
	if got, blocks := m.load("/fw/T?title=meter&version=1"); got != text || blocks != len(text)/1024+1 {
		t.Errorf("got %d bytes in %d blocks, want %d", len(got), blocks, len(text))
	}
	if got, blocks := m.load("/fw/T?size=3000&chunk=2"); got != text[6000:9000] || blocks != 3 {
		t.Errorf("chunk: got %d bytes in %d blocks", len(got), blocks)
	}
	// Other blocks of another package are told by their tag, and a package that is gone is not found.
	before := m.ask(message.GET, "/fw/T", "")
	p.pkg(registry.Firmware, "2", text)
	after := m.ask(message.GET, "/fw/T", "")
	one, _ := before.Options.Get(message.ETag)
	two, _ := after.Options.Get(message.ETag)
	if len(one) != 8 || bytes.Equal(one, two) {
		t.Errorf("tags: got %x and %x", one, two)
	}
	p.unassign(registry.Firmware)
	must(t, p.registry.DeletePackage(context.Background(), registry.Firmware, named("2")))
	m.want(message.GET, "/fw/T", "", message.NotFound, "")
}
