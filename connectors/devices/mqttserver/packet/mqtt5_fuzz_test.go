package packet_test

import (
	"bytes"
	"math"
	"runtime/metrics"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// rules are those of the two sides, the lenient and the strict.
func rules(n byte) *packet.Rules {
	return &packet.Rules{
		FromServer: n&1 != 0, StrictText: n&2 != 0, CheckPayload: n&4 != 0, TopicAliasMaximum: uint16(n >> 4),
		TopicLevels: int(n & 8), UserProperties: 1 << (n & 8), UserPropertyBytes: 1 << 16,
	}
}

// FuzzDecode5: what is accepted is written as it came, apart from forms that may be shorter, and is accepted again.
func FuzzDecode5(f *testing.F) {
	for _, tc := range sound5 {
		f.Add([]byte(tc.bytes), byte(0x50))
		f.Add([]byte(tc.bytes), byte(0x51))
	}
	for _, tc := range bad5 {
		if len(tc.bytes) < 1000 {
			f.Add([]byte(tc.bytes), byte(0x58))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, n byte) {
		r := rules(n)
		again, err := decode5(b, r)
		if err != nil {
			return
		}
		third, err := decode5(again, r)
		if err != nil {
			t.Fatalf("%x was accepted and written as %x, which is refused: %v", b, again, err)
		}
		if !bytes.Equal(again, third) {
			t.Fatalf("%x is written as %x and then as %x", b, again, third)
		}
		h, header, err := packet.ParseHeader(b, packet.V5)
		if err != nil { // only a CONNECT of MQTT 3 may have a header that MQTT 5 refuses
			return
		}
		came := b[:header+h.Length]
		switch {
		case h.Type == packet.CONNECT && came[header+6] != byte(packet.V5):
			// MQTT 3 has its own fuzz test.
		case !bytes.Equal(again, came) && len(again) >= len(came):
			t.Fatalf("%x is written as %x, which is no shorter", came, again)
		case !bytes.Equal(again, came) && !hasShortForm(h.Type):
			t.Fatalf("%x is written as %x", came, again)
		}
	})
}

// hasShortForm says of which packets the end can be left out.
func hasShortForm(t packet.Type) bool {
	switch t {
	case packet.PUBACK, packet.PUBREC, packet.PUBREL, packet.PUBCOMP, packet.DISCONNECT, packet.AUTH:
		return true
	}
	return false
}

// FuzzProperties reads and copies sections that nothing has checked.
func FuzzProperties(f *testing.F) {
	f.Add([]byte(user("a", "b") + "\x21\x00\x14\x0b\x80\x01\x03" + str("text")))
	f.Add([]byte("\x0b\xff\xff\xff\xff\x01"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p := packet.Properties(b)
		n := 0
		for name, value := range p.User() {
			n += 5 + len(name) + len(value)
		}
		for range p.SubscriptionIdentifiers() {
			n += 2
		}
		if n > len(b) {
			t.Fatalf("%x: %d bytes of properties", b, n)
		}
		p.Value(packet.MaximumPacketSize)
		p.Text(packet.ReasonString)
		p.Binary(packet.CorrelationData)
		kept := packet.Properties(nil).AppendMessage(p)
		if again := packet.Properties(nil).AppendMessage(kept); len(kept) > len(b) || !bytes.Equal(again, kept) {
			t.Fatalf("%x is forwarded as %x and then as %x", b, []byte(kept), []byte(again))
		}
		left := p.WithoutReasons()
		if again := left.WithoutReasons(); len(left) > len(b) || !bytes.Equal(again, left) {
			t.Fatalf("%x without reasons is %x and then %x", b, []byte(left), []byte(again))
		}
	})
}

const (
	// memoryFactor is how many bytes the Decodes of both versions together may allocate for each byte of their input. The
	// worst case are filters of one byte: 24 bytes of Subscription and 8 of text for 4 on the wire, twice.
	memoryFactor = 20
	// memorySlack is what they may allocate however short the input is, and what the test itself does meanwhile.
	memorySlack = 32 << 10
)

// allocated is how many bytes f allocates, give or take a few pages. What else happens meanwhile counts, too, so that f
// has ten tries to stay within most.
func allocated(most uint64, f func()) (least uint64) {
	sample := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}} // unlike runtime.MemStats it stops nobody
	least = math.MaxUint64
	for try := 0; try < 10 && least > most; try++ {
		metrics.Read(sample)
		before := sample[0].Value.Uint64()
		f()
		metrics.Read(sample)
		least = min(least, sample[0].Value.Uint64()-before)
	}
	return least
}

// decodeOnly decodes for MQTT 3 and for MQTT 5, without the Reader and without writing.
func decodeOnly(b []byte, v packet.Version, r *packet.Rules) {
	h, n, err := packet.ParseHeader(b, v)
	if err != nil || n == 0 || len(b) < n+h.Length {
		return
	}
	body := b[n : n+h.Length]
	switch h.Type {
	case packet.CONNECT:
		_ = new(packet.Connect).DecodeAny(h, body, r)
	case packet.CONNACK:
		_ = new(packet.Connack).Decode(body, v, r)
	case packet.PUBLISH:
		_ = new(packet.Publish).Decode(h.Flags, body)
		_ = new(packet.Publish).Decode5(h.Flags, body, r)
	case packet.SUBSCRIBE:
		_ = new(packet.Subscribe).Decode(body)
		_ = new(packet.Subscribe).Decode5(body, r)
	case packet.UNSUBSCRIBE:
		_ = new(packet.Unsubscribe).Decode(body)
		_ = new(packet.Unsubscribe).Decode5(body, r)
	case packet.SUBACK, packet.UNSUBACK:
		_ = new(packet.Suback5).Decode(h.Type, body, r)
	case packet.DISCONNECT:
		_ = new(packet.Disconnect).Decode(body, r)
	case packet.AUTH:
		_ = new(packet.Auth).Decode(body, r)
	default:
		_ = new(packet.Ack5).Decode(h.Type, body, r)
	}
}

// floods are packets of about n bytes that hold as many things as possible.
func floods(n int) map[string]string {
	all := &strings.Builder{}
	for all.Len() < n {
		all.WriteString(user("", ""))
	}
	long := string(packet.AppendHeader(nil, packet.Header{Length: all.Len()})[1:]) + all.String()
	return map[string]string{
		"filters":             frame(0x82, "\x00\x01\x00"+strings.Repeat(str("a")+"\x00", n/4)),
		"filters to remove":   frame(0xa2, "\x00\x01\x00"+strings.Repeat(str("a"), n/3)),
		"empty filters":       frame(0xa2, "\x00\x01\x00"+strings.Repeat(str(""), n/2)),
		"levels":              frame(0x82, "\x00\x01\x00"+str(strings.Repeat("/", n))+"\x00"),
		"codes":               frame(0x90, "\x00\x01\x00"+strings.Repeat("\x00", n)),
		"user properties":     frame(0x30, str("t")+long),
		"those of a CONNECT":  frame(0x10, str("MQTT")+"\x05\x02\x00\x3c"+long+str("c")),
		"a will's properties": connect5(0x06, "\x00", long+str("w")+str("")),
		"password":            connect5(0x42, "\x00", str(strings.Repeat("x", n))),
		"topic":               frame(0x30, str(strings.Repeat("t", n))+"\x00"),
	}
}

// TestMQTT5Memory is not parallel: it counts what the whole process allocates.
func TestMQTT5Memory(t *testing.T) {
	lenient := &packet.Rules{UserProperties: 1 << 20, UserPropertyBytes: 1 << 20}
	for name, raw := range floods(60_000) {
		b := []byte(raw)
		most := uint64(memoryFactor * len(b))
		if got := allocated(most, func() { decodeOnly(b, packet.V5, lenient) }); got > most {
			t.Errorf("%s: %d bytes of input took %d, want at most %d", name, len(b), got, most)
		}
	}
}

// FuzzMemory: no input makes a Decode allocate more than a multiple of its length.
func FuzzMemory(f *testing.F) {
	for _, raw := range floods(2000) {
		f.Add([]byte(raw), byte(0))
	}
	f.Fuzz(func(t *testing.T, b []byte, n byte) {
		r := rules(n)
		r.UserProperties = 1 << 20
		for _, v := range []packet.Version{packet.V311, packet.V5} {
			most := uint64(memorySlack + memoryFactor*len(b))
			if got := allocated(most, func() { decodeOnly(b, v, r) }); got > most {
				t.Fatalf("%d bytes of input took %d, want at most %d", len(b), got, most)
			}
		}
	})
}

func TestMQTT5PublishAllocatesNothing(t *testing.T) {
	raw := frame(0x32, str("v1/devices/me/telemetry")+"\x00\x07"+props("\x23\x00\x01", user("a", "b"))+"payload")
	h, n, err := packet.ParseHeader([]byte(raw), packet.V5)
	if err != nil {
		t.Fatal(err)
	}
	body := []byte(raw[n:])
	var p packet.Publish
	out := make([]byte, 0, 256)
	if got := testing.AllocsPerRun(100, func() {
		if err := p.Decode5(h.Flags, body, atServer); err != nil {
			t.Error(err)
		}
		ack := packet.Ack5{ID: p.ID}
		out = ack.Append(p.Append5(out[:0]), packet.PUBACK, 0)
	}); got != 0 {
		t.Errorf("got %v allocations, want none", got)
	}
}

func BenchmarkQoS1(b *testing.B) {
	for _, bc := range []struct {
		name string
		v    packet.Version
		p    packet.Properties
	}{
		{"3.1.1", packet.V311, nil},
		{"5", packet.V5, nil},
		{"5 with properties", packet.V5, packet.Properties(nil).AppendNumber(packet.TopicAlias, 1).
			AppendNumber(packet.MessageExpiryInterval, 60).AppendText(packet.ContentType, "application/json").AppendUser("unit", "kWh")},
	} {
		publish := packet.Publish{
			Topic: "v1/devices/me/telemetry", ID: 7, QoS: 1, Payload: bytes.Repeat([]byte("x"), 168), Properties: bc.p,
		}
		write := func(p *packet.Publish, dst []byte) []byte {
			if bc.v == packet.V5 {
				return p.Append5(dst)
			}
			return p.Append(dst)
		}
		raw := write(&publish, nil)
		b.Run(bc.name+" decode", func(b *testing.B) {
			var p packet.Publish
			var out []byte
			b.ReportAllocs()
			for b.Loop() {
				h, n, err := packet.ParseHeader(raw, bc.v)
				if err != nil {
					b.Fatal(err)
				}
				if bc.v == packet.V5 {
					err = p.Decode5(h.Flags, raw[n:], atServer)
					ack := packet.Ack5{ID: p.ID}
					out = ack.Append(out[:0], packet.PUBACK, 0)
				} else {
					err = p.Decode(h.Flags, raw[n:])
					out = packet.Ack{ID: p.ID}.Append(out[:0], packet.PUBACK)
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bc.name+" encode", func(b *testing.B) {
			out := make([]byte, 0, 512)
			b.ReportAllocs()
			for b.Loop() {
				out = write(&publish, out[:0])
			}
		})
	}
}
