package websocket_test

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/websocket"
)

type readTest struct {
	name, sent  string
	stream, out string // what comes out, and what the client is sent, the last word included
	err         int    // close code of the *Error; 0 for none
	cut         bool   // the stream ends within a frame
}

func readTests() []readTest {
	long, longer := strings.Repeat("m", 300), strings.Repeat("n", 66_000)
	last := answered(bye, code(1000))
	broken := answered(bye, code(1002))
	return []readTest{
		{name: "nothing", out: last},
		{name: "one message", sent: frame(final|binry, "abc"), stream: "abc", out: last},
		{name: "several messages", sent: frame(final|binry, "abc") + frame(final|binry, "") + frame(final|binry, "def"), stream: "abcdef", out: last},
		{name: "a message in frames", sent: frame(binry, "ab") + frame(more, "") + frame(more, "cd") + frame(final|more, "e"), stream: "abcde", out: last},
		{name: "long ones", sent: frame(final|binry, long) + frame(final|binry, longer), stream: long + longer, out: last},
		{
			name: "a ping within a message", sent: frame(binry, "ab") + frame(final|ping, "hey") + frame(final|more, "c"), stream: "abc",
			out: answered(pong, "hey") + last,
		},
		{name: "an empty ping", sent: frame(final|ping, ""), out: answered(pong, "") + last},
		{name: "a pong", sent: frame(final|pong, "x") + frame(final|binry, "a"), stream: "a", out: last},
		{name: "close", sent: frame(final|binry, "a") + frame(final|bye, code(1001)+"going") + frame(final|binry, "b"), stream: "a", out: answered(bye, code(1001))},
		{name: "close without a code", sent: frame(final|bye, ""), out: answered(bye, "")},
		{name: "close with half a code", sent: frame(final|bye, "x"), out: broken, err: 1002},
		{name: "close with a code that is not sent", sent: frame(final|bye, code(1005)), out: broken, err: 1002},
		{name: "text", sent: frame(final|binry, "a") + frame(final|text, "b"), stream: "a", out: answered(bye, code(1003)), err: 1003},
		{name: "text in frames", sent: frame(text, "b"), out: answered(bye, code(1003)), err: 1003},
		{name: "no mask", sent: "\x82\x01a", out: broken, err: 1002},
		{name: "compressed", sent: frame(0x40|final|binry, "a"), out: broken, err: 1002},
		{name: "unknown kind", sent: frame(final|0x3, "a"), out: broken, err: 1002},
		{name: "unknown control", sent: frame(final|0xb, "a"), out: broken, err: 1002},
		{name: "goes on with nothing", sent: frame(final|more, "a"), out: broken, err: 1002},
		{name: "begins within another", sent: frame(binry, "a") + frame(final|binry, "b"), stream: "a", out: broken, err: 1002},
		{name: "ping in parts", sent: frame(ping, "a"), out: broken, err: 1002},
		{name: "long ping", sent: frame(final|ping, strings.Repeat("p", 126)), out: broken, err: 1002},
		{name: "longest ping", sent: frame(final|ping, strings.Repeat("p", 125)), out: answered(pong, strings.Repeat("p", 125)) + last},
		{name: "too large", sent: "\x82\xff\x00\x00\x00\x00\x00\x01\x11\x71" + mask, out: answered(bye, code(1009)), err: 1009},
		{name: "larger than there are numbers", sent: "\x82\xff\xff\xff\xff\xff\xff\xff\xff\xff" + mask, out: answered(bye, code(1009)), err: 1009},
		{
			name: "too large in frames", sent: frame(binry, longer) + frame(more, longer), stream: longer,
			out: answered(bye, code(1009)), err: 1009,
		},
		{name: "cut in a header", sent: frame(final|binry, "a")[:4], out: last, cut: true},
		{name: "cut in a payload", sent: frame(final|binry, "abc")[:8], stream: "ab", out: last, cut: true},
		{name: "cut in a message", sent: frame(binry, "abc"), stream: "abc", out: last, cut: true},
	}
}

// TestRead: the stream of a client is the same however its bytes come.
func TestRead(t *testing.T) {
	t.Parallel()
	for _, c := range readTests() {
		for _, size := range []int{1, 2, 3, 7, 1 << 20} {
			if len(c.sent) > 10_000 && size < 7 {
				continue
			}
			for _, buffer := range []int{1, 5, 4096} {
				stream, out, err := read(t, c.sent, size, buffer)
				if stream != c.stream || out != c.out {
					t.Errorf("%s, %d by %d: got %.40q and %.40q back, want %.40q and %.40q", c.name, size, buffer, stream, out, c.stream, c.out)
				}
				var bad *websocket.Error
				switch got := errors.As(err, &bad); {
				case c.err != 0 && (!got || bad.Code != c.err || bad.TooLarge() != (c.err == websocket.CodeTooBig)):
					t.Errorf("%s, %d by %d: got %v, want an error of code %d", c.name, size, buffer, err, c.err)
				case c.err == 0 && !c.cut && err != nil:
					t.Errorf("%s, %d by %d: got %v, want the end", c.name, size, buffer, err)
				case c.cut && !errors.Is(err, io.ErrUnexpectedEOF):
					t.Errorf("%s, %d by %d: got %v, want %v", c.name, size, buffer, err, io.ErrUnexpectedEOF)
				}
			}
		}
	}
}

// TestReadAfterDeadline: a read that was late lost nothing, wherever it was.
func TestReadAfterDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer func() { _ = near.Close() }()
		c := websocket.NewConn(far, "", limit)
		sent := frame(binry, "ab") + frame(final|ping, "") + frame(final|more, strings.Repeat("c", 200))
		go func() {
			for i := range sent {
				time.Sleep(2 * time.Second)
				_, _ = near.Write([]byte(sent[i : i+1]))
			}
		}()
		go func() { _, _ = io.Copy(io.Discard, near) }()
		var got []byte
		late := 0
		for len(got) < 202 {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			b := make([]byte, 16)
			n, err := c.Read(b)
			got = append(got, b[:n]...)
			if err != nil {
				if late++; !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatalf("got %v, want %v", err, os.ErrDeadlineExceeded)
				}
			}
		}
		if want := "ab" + strings.Repeat("c", 200); string(got) != want || late < len(want) {
			t.Errorf("got %q after %d late reads, want %q", got, late, want)
		}
		_ = c.SetLinger(0)
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
}

func TestWrite(t *testing.T) {
	t.Parallel()
	for n, head := range map[int]string{
		1: "\x82\x01", 125: "\x82\x7d", 126: "\x82\x7e\x00\x7e", 65535: "\x82\x7e\xff\xff",
		65536: "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00",
	} {
		under := &pieces{}
		c := websocket.NewConn(under, "", limit)
		payload := strings.Repeat("w", n)
		if got, err := c.Write([]byte(payload)); got != n || err != nil || string(under.out) != head+payload {
			t.Errorf("%d bytes: got %d, %v, %.20q", n, got, err, under.out)
		}
	}
}

// TestEnd: the last word is said once, nothing follows it, and an abrupt end has none.
func TestEnd(t *testing.T) {
	t.Parallel()
	last := answered(bye, code(normal))
	for _, c := range []struct {
		name string
		do   func(*websocket.Conn)
		want string
	}{
		{"close", func(c *websocket.Conn) {}, last},
		{"both", func(c *websocket.Conn) { _ = c.CloseWrite() }, last},
		{"abrupt", func(c *websocket.Conn) { _ = c.SetLinger(0) }, ""},
		{"write after the end", func(c *websocket.Conn) {
			_ = c.CloseWrite()
			if _, err := c.Write([]byte("x")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("writing after the end: got %v, want %v", err, net.ErrClosed)
			}
		}, last},
		{"ping after the end", func(c *websocket.Conn) {
			_ = c.CloseWrite()
			if _, err := c.Read(make([]byte, 9)); !errors.Is(err, io.EOF) {
				t.Errorf("reading: got %v, want the end", err)
			}
		}, last},
	} {
		under := &pieces{in: frame(final|ping, "p"), size: 100}
		conn := websocket.NewConn(under, "", limit)
		c.do(conn)
		if err := conn.Close(); err != nil || string(under.out) != c.want || !under.shut {
			t.Errorf("%s: got %v, %q, closed %t; want %q", c.name, err, under.out, under.shut, c.want)
		}
	}
}

// TestDrain: after a client broke the rules and was told, what it still sends is thrown away, up to a limit.
func TestDrain(t *testing.T) {
	t.Parallel()
	under := &pieces{in: frame(final|text, "no") + strings.Repeat("x", 5<<20), size: 4096}
	c := websocket.NewConn(under, "", limit)
	if _, err := c.Read(make([]byte, 16)); err == nil {
		t.Fatal("a text frame was read")
	}
	had := len(under.in)
	if err := c.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, c)
	var bad *websocket.Error
	if n != 0 || !errors.As(err, &bad) {
		t.Errorf("got %d bytes, %v; want none, and the error", n, err)
	}
	if drained := had - len(under.in); drained < 1<<20 || drained > 2<<20 {
		t.Errorf("%d bytes were thrown away, want 1 MiB", drained)
	}
}

// FuzzRead: any bytes give the same stream and the same answers however they come, and never more than came.
func FuzzRead(f *testing.F) {
	for _, c := range readTests() {
		if len(c.sent) < 1000 {
			f.Add([]byte(c.sent), byte(1), byte(3))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, size, buffer byte) {
		stream, out, err := read(t, string(b), len(b)+1, 4096)
		if len(stream) > len(b) || len(out) > len(b)+4 {
			t.Errorf("%d bytes became %d, and %d were answered", len(b), len(stream), len(out))
		}
		again, outAgain, errAgain := read(t, string(b), int(size)+1, int(buffer)+1)
		if again != stream || outAgain != out || (err == nil) != (errAgain == nil) {
			t.Errorf("in pieces: got %q, %q, %v; want %q, %q, %v", again, outAgain, errAgain, stream, out, err)
		}
	})
}
