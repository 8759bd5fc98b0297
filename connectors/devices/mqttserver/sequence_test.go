package mqttserver_test

import (
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
)

// sequence is a conversation over real sockets that shows the statements of its name: what goes one way, and what must
// have come back, byte for byte, before it goes on.
type sequence struct {
	name  string
	d     *dialect // nil: one that accepts everything
	turns []turn
	seen  string // what the handler was told, in order
}

// turn is what one side says. Nothing else may come: who has a connection at the end is asked once more.
type turn struct {
	who  string                       // a connection, dialled when it is first named
	send string                       // by the client
	push func(*mqttserver.Conn) error // by the server, on the newest connection
	want string                       // what comes back; with gone at its end, the connection is closed then
}

// gone is the end of a connection, in turn.want.
const gone = "\xff\xff\xff\xffgone"

// rehearse has all conversations.
func rehearse(t *testing.T, sequences []sequence) {
	t.Helper()
	for _, s := range sequences {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if s.d == nil {
				s.d = &dialect{}
			}
			talk := &talk{t: t, address: serveTCP(t, mqttserver.Options{}, s.d), conns: map[string]net.Conn{}}
			for i, turn := range s.turns {
				c := talk.conn(turn.who)
				if turn.push != nil {
					if err := turn.push(s.d.newest()); err != nil {
						t.Fatalf("turn %d: %v", i, err)
					}
				}
				talk.exchange(i, c, turn)
			}
			for _, c := range talk.conns {
				// Twice, since answers overtake messages.
				talk.exchange(len(s.turns), c, turn{send: ping, want: pong})
				talk.exchange(len(s.turns), c, turn{send: ping, want: pong})
			}
			if got := s.d.noted(); got != s.seen {
				t.Errorf("handler: got %.200q, want %.200q", got, s.seen)
			}
		})
	}
}

func (d *dialect) newest() *mqttserver.Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conn
}

// talk is a conversation that goes on.
type talk struct {
	t       *testing.T
	address string
	conns   map[string]net.Conn // those that live
}

func (k *talk) conn(who string) net.Conn {
	k.t.Helper()
	if c, ok := k.conns[who]; ok {
		return c
	}
	c, err := net.Dial("tcp", k.address)
	if err != nil {
		k.t.Fatal(err)
	}
	k.t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(never)); err != nil {
		k.t.Fatal(err)
	}
	k.conns[who] = c
	return c
}

// exchange sends and reads what has to come.
func (k *talk) exchange(i int, c net.Conn, says turn) {
	k.t.Helper()
	if _, err := io.WriteString(c, says.send); err != nil {
		k.t.Fatalf("turn %d: %v", i, err)
	}
	want, ends := strings.CutSuffix(says.want, gone)
	got := make([]byte, len(want))
	n, err := io.ReadFull(c, got)
	if err != nil || string(got) != want {
		k.t.Fatalf("turn %d: got %x, %v, want %x", i, got[:n], err, want)
	}
	if !ends {
		return
	}
	n, err = c.Read(make([]byte, 1))
	if n > 0 || errors.Is(err, net.ErrClosed) || !ended(err) {
		k.t.Fatalf("turn %d: got %d bytes more, %v, want the end of the connection", i, n, err)
	}
	for who, other := range k.conns {
		if other == c {
			delete(k.conns, who)
		}
	}
}

// ended reports whether an error of reading is the end of the connection, and not that of the test's patience.
func ended(err error) bool {
	var late net.Error
	return err != nil && !(errors.As(err, &late) && late.Timeout())
}
