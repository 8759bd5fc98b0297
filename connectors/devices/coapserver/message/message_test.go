package message_test

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

func TestParse(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name string
		in   string
		want message.Message
		err  error
	}{
		{"ping", "\x40\x00\x12\x34", message.Message{ID: 0x1234}, nil},
		{"request with everything", "\x52\x02\x00\x01ab\xb1p\x41q\xd0\x02\xffbody", message.Message{
			Type: message.NonConfirmable, Code: message.POST, ID: 1, Token: []byte("ab"), Payload: []byte("body"),
			Options: message.Options{{Number: 11, Value: []byte("p")}, {Number: 15, Value: []byte("q")}, {Number: 30, Value: []byte{}}},
		}, nil},
		{"long delta and length", "\x40\x01\x00\x01\xee\x00\x00\x00\x01" + string(make([]byte, 270)), message.Message{
			Code: message.GET, ID: 1, Options: message.Options{{Number: 269, Value: make([]byte, 270)}},
		}, nil},
		{"greatest number", "\x40\x01\x00\x01\xe0\xfe\xf2", message.Message{
			Code: message.GET, ID: 1, Options: message.Options{{Number: 0xffff, Value: []byte{}}},
		}, nil},
		{"version 2", "\x80\x01\x00\x01", message.Message{}, message.ErrForeign},
		{"short", "\x40\x01\x00", message.Message{}, message.ErrForeign},
		{"payload of nothing", "\x40\x01\x00\x01\xff", message.Message{Code: message.GET, ID: 1}, message.ErrFormat},
		{"reset with a code", "\x70\x45\x00\x01", message.Message{Type: message.Reset, Code: message.Content, ID: 1}, message.ErrFormat},
		{"two missing bytes of a length", "\x40\x01\x00\x01\x0e\x00", message.Message{Code: message.GET, ID: 1}, message.ErrFormat},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got message.Message
			err := got.Parse([]byte(c.in))
			if !errors.Is(err, c.err) {
				t.Fatalf("got error %v, want %v", err, c.err)
			}
			if err == nil && len(got.Token) == 0 {
				got.Token = nil
			}
			if len(got.Options) == 0 {
				got.Options = nil
			}
			if err == nil && !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if errors.Is(err, message.ErrFormat) && (got.Type != c.want.Type || got.Code != c.want.Code || got.ID != c.want.ID) {
				t.Errorf("got header %v %v %d, want that of %+v", got.Type, got.Code, got.ID, c.want)
			}
			if back := c.want.Append(nil); err == nil && string(back) != c.in {
				t.Errorf("written again it is %x, want %x", back, c.in)
			}
		})
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	o := message.Options{
		{Number: message.URIPath, Value: []byte("a")},
		{Number: message.URIPath, Value: []byte("b")},
		{Number: message.ContentFormat, Value: []byte{50}},
		{Number: message.ContentFormat, Value: []byte{60}},
		{Number: 258, Value: []byte{2}},
		{Number: message.Size1, Value: []byte("12345")},
	}
	got, ok := o.Check()
	if f, _ := got.Uint(message.ContentFormat); !ok || len(got) != 3 || f != 50 {
		t.Errorf("got %+v, %t, want the paths and the first format", got, ok)
	}
	if paths := got.Strings(message.URIPath); !reflect.DeepEqual(paths, []string{"a", "b"}) {
		t.Errorf("got paths %q, want a and b", paths)
	}
	for _, n := range []message.Number{1, 5, 9, 13, 21, 2049} {
		if _, ok := (message.Options{{Number: n}}).Check(); ok {
			t.Errorf("option %d is taken for one that is understood", n)
		}
	}
}

func TestUint(t *testing.T) {
	t.Parallel()
	for value, want := range map[uint32]string{0: "", 1: "\x01", 255: "\xff", 256: "\x01\x00", 65536: "\x01\x00\x00", 1 << 24: "\x01\x00\x00\x00"} {
		o := message.Options(nil).AddUint(message.Size2, value)
		if got := string(o[0].Value); got != want {
			t.Errorf("%d is written as %x, want %x", value, got, want)
		}
		if got, ok := o.Uint(message.Size2); !ok || got != value {
			t.Errorf("%d is read as %d, %t", value, got, ok)
		}
	}
}

func TestBlock(t *testing.T) {
	t.Parallel()
	for _, want := range []message.Block{{}, {Number: 1}, {More: true}, {Number: 3, More: true, Size: 6}, {Number: 1<<20 - 1, Size: 2}} {
		got, present, sound := message.Options(nil).AddBlock(message.Block2, want).Block(message.Block2)
		if !present || !sound || got != want {
			t.Errorf("got %+v, %t, %t, want %+v", got, present, sound, want)
		}
	}
	if _, _, sound := (message.Options{{Number: message.Block2, Value: []byte{7}}}).Block(message.Block2); sound {
		t.Error("the reserved size is taken for sound")
	}
	if got := (message.Block{Number: 3, Size: 6}).Offset(); got != 3072 {
		t.Errorf("the fourth block of 1,024 bytes begins at %d, want 3072", got)
	}
}

func TestCodeString(t *testing.T) {
	t.Parallel()
	for code, want := range map[message.Code]string{message.Empty: "0.00", message.GET: "0.01", message.Continue: "2.31", message.NotFound: "4.04"} {
		if got := code.String(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "\x40\x00\x12\x34", "\x52\x02\x00\x01ab\xb1p\x41q\xd0\x02\xffbody", "\x40\x01\x00\x01\xe0\xfe\xf2", "\x40\x01\x00\x01\xff",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m message.Message
		if m.Parse(b) != nil {
			return
		}
		// Whatever is read is written so that it is read as the same; shorter, if a number was not in its shortest form.
		written := m.Append(nil)
		var again message.Message
		if err := again.Parse(written); err != nil {
			t.Fatalf("%x was read, and written as %x: %v", b, written, err)
		}
		if back := again.Append(nil); !bytes.Equal(back, written) || len(written) > len(b) {
			t.Errorf("%x was written as %x, and then as %x", b, written, back)
		}
		usable, _ := m.Options.Check()
		for _, n := range []message.Number{message.Block1, message.Block2, message.Observe, message.Size1} {
			usable.Uint(n)
			usable.Block(n)
		}
		usable.Strings(message.URIPath)
	})
}
