package packet_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func TestReaderKeepsPacketsApart(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	var stream []byte
	var sizes []int
	for range 300 {
		n := rng.IntN(1200)
		if rng.IntN(20) == 0 {
			n = rng.IntN(40_000)
		}
		p := packet.Publish{Topic: "t", Payload: bytes.Repeat([]byte{byte(n)}, n)}
		stream, sizes = p.Append(stream), append(sizes, n)
	}
	for name, src := range map[string]io.Reader{
		"whole":          bytes.NewReader(stream),
		"byte by byte":   iotest.OneByteReader(bytes.NewReader(stream)),
		"half":           iotest.HalfReader(bytes.NewReader(stream)),
		"error with end": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var r packet.Reader
			r.Reset(src, 1<<20)
			defer r.Release()
			for i, n := range sizes {
				h, err := r.ReadHeader()
				if err != nil {
					t.Fatalf("header %d: %v", i, err)
				}
				body, err := r.ReadBody(h)
				if err != nil {
					t.Fatalf("body %d: %v", i, err)
				}
				var p packet.Publish
				if err := p.Decode(h.Flags, body); err != nil {
					t.Fatalf("packet %d: %v", i, err)
				}
				if want := bytes.Repeat([]byte{byte(n)}, n); !bytes.Equal(p.Payload, want) {
					t.Fatalf("packet %d: got %d bytes of payload, want %d, or other bytes", i, len(p.Payload), n)
				}
			}
			if _, err := r.ReadHeader(); !errors.Is(err, io.EOF) {
				t.Errorf("at the end: got %v, want EOF", err)
			}
		})
	}
}

func TestReaderLimit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		bytes string
		limit int
		fits  bool
	}{
		{"at the limit", frame(0x30, str("t")+strings.Repeat("x", 94)), 99, true},
		{"above the limit", frame(0x30, str("t")+strings.Repeat("x", 95)), 99, false},
		{"announced only", "\x30\xff\xff\xff\x7f", 1 << 16, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var r packet.Reader
			r.Reset(strings.NewReader(tc.bytes), tc.limit)
			defer r.Release()
			_, err := r.ReadHeader()
			var bad *packet.Error
			if tc.fits != (err == nil) || err != nil && (!errors.As(err, &bad) || bad.Fault != packet.TooLarge) {
				t.Errorf("got %v, want fit = %t", err, tc.fits)
			}
		})
	}
}

// TestReaderGrowsWithReceivedBytes announces 64 MiB and sends next to nothing.
func TestReaderGrowsWithReceivedBytes(t *testing.T) {
	const readers = 8
	header := packet.AppendHeader(nil, packet.Header{Type: packet.PUBLISH, Length: 64 << 20})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for range readers {
		var r packet.Reader
		r.Reset(io.MultiReader(bytes.NewReader(header), strings.NewReader(strings.Repeat("x", 10_000))), 1<<28)
		h, err := r.ReadHeader()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := r.ReadBody(h); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("got %v, want an unexpected EOF", err)
		}
		r.Release()
	}
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > readers*100_000 {
		t.Errorf("%d announced packets of 64 MiB with 10 KB sent took %d bytes", readers, got)
	}
}

func FuzzDecode(f *testing.F) {
	for _, tc := range sound {
		f.Add([]byte(tc.bytes), byte(4))
		f.Add([]byte(tc.bytes), byte(3))
	}
	f.Fuzz(func(t *testing.T, b []byte, v byte) {
		again, err := decode(b, packet.Version(v))
		if err != nil {
			return
		}
		third, err := decode(again, packet.V311)
		if err != nil {
			t.Fatalf("%x was accepted and written as %x, which is refused: %v", b, again, err)
		}
		if !bytes.Equal(again, third) {
			t.Fatalf("%x is written as %x and then as %x", b, again, third)
		}
		// Apart from what 3.1 disregards and from long forms of a length, what was accepted is what is written.
		h, n, _ := packet.ParseHeader(b, packet.Version(v))
		lenient31 := v == byte(packet.V31) || h.Type == packet.CONNECT && len(b) > n+8 && b[n+8] == 3
		_, m, _ := packet.ParseHeader(again, packet.V311)
		if !lenient31 && !bytes.Equal(again[m:], b[n:n+h.Length]) {
			t.Fatalf("%x is written as %x", b, again)
		}
	})
}

func BenchmarkPublishAndPuback(b *testing.B) {
	publish := packet.Publish{
		Topic: "v1/devices/me/telemetry", ID: 7, QoS: 1, Payload: bytes.Repeat([]byte("x"), 200-3-2-23-2),
	}
	raw := publish.Append(nil)
	if len(raw) != 200 {
		b.Fatalf("packet has %d bytes", len(raw))
	}
	var p packet.Publish
	var out []byte
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		h, n, err := packet.ParseHeader(raw, packet.V311)
		if err != nil {
			b.Fatal(err)
		}
		if err := p.Decode(h.Flags, raw[n:]); err != nil {
			b.Fatal(err)
		}
		out = packet.Ack{ID: p.ID}.Append(out[:0], packet.PUBACK)
	}
}
