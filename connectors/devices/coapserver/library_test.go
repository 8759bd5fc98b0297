package coapserver_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/plgd-dev/go-coap/v3/message"
	"github.com/plgd-dev/go-coap/v3/message/codes"
	"github.com/plgd-dev/go-coap/v3/message/pool"
	"github.com/plgd-dev/go-coap/v3/options"
	"github.com/plgd-dev/go-coap/v3/pkg/runner/periodic"
	"github.com/plgd-dev/go-coap/v3/udp"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
)

// plain serves UDP on a socket of the machine.
func plain(t testing.TB, h coapserver.Handler) (at *net.UDPAddr) {
	t.Helper()
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	at, _ = conn.LocalAddr().(*net.UDPAddr)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	s := coapserver.New(coapserver.Options{}, h)
	go func() { done <- s.Serve(ctx, conn) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("serving: %v", err)
		}
	})
	return at
}

// TestLibrary speaks with a client that is not ours.
func TestLibrary(t *testing.T) {
	t.Parallel()
	var s subject
	h := &handler{}
	registered := make(chan *coapserver.Observation, 1)
	h.on(func(r *coapserver.Request, answer func(coapserver.Response)) {
		if r.Observe == coapserver.ObserveRegister {
			if o, err := r.Register(nil); err == nil {
				registered <- o
			}
		}
		answer(text(strings.Join(r.Path, "/") + "?" + strings.Join(r.Queries, "&") + ":" + string(r.Payload)))
	})
	at := plain(t, h)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	// The library's own runner sleeps for seconds behind a connection that is closed.
	c, err := udp.Dial(at.String(), options.WithPeriodicRunner(periodic.New(ctx.Done(), time.Second)))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(); <-c.Done() }()

	large := strings.Repeat("0123456789", 1000)
	answer, err := c.Post(ctx, "/a/b", message.AppJSON, strings.NewReader(large))
	if err != nil {
		t.Fatalf("posting: %v", err)
	}
	body, err := io.ReadAll(answer.Body())
	if want := "a/b?:" + large; err != nil || answer.Code() != codes.Content || string(body) != want {
		t.Errorf("a large payload came back with %v and %d bytes, want 2.05 and %d: %v", answer.Code(), len(body), len(want), err)
	}
	heard := make(chan string, 10)
	watched, err := c.Observe(ctx, "/watched", func(m *pool.Message) {
		var b bytes.Buffer
		if m.Body() != nil {
			_, _ = b.ReadFrom(m.Body())
		}
		heard <- b.String()
	})
	if err != nil {
		t.Fatalf("observing: %v", err)
	}
	s.t, s.last = t, <-registered
	wants := func(want string) {
		t.Helper()
		select {
		case got := <-heard:
			if got != want {
				t.Errorf("heard %q, want %q", got, want)
			}
		case <-ctx.Done():
			t.Fatalf("did not hear %q", want)
		}
	}
	wants("watched?:")
	// A notification in blocks is more than this client can take: it asks for the second block in an acknowledgement.
	for _, text := range []string{"one", "two"} {
		s.notify(text)
		wants(text)
	}
	if err := watched.Cancel(ctx); err != nil {
		t.Errorf("ending to observe: %v", err)
	}
}

type answering struct{}

func (answering) Connected(context.Context, *coapserver.Peer) {}

func (answering) Handle(_ context.Context, _ *coapserver.Request, answer func(coapserver.Response)) {
	answer(created())
}

// BenchmarkPosts is confirmable posts of 64 peers, each of which waits for its acknowledgement.
func BenchmarkPosts(b *testing.B) {
	const peers = 64
	at := plain(b, answering{})
	one := bytesOf(con, post, 0, "tokn", `{"temperature":21.5,"humidity":40}`, path("api"), path("v1"), path("A1B2C3D4E5F6G7H8I9J0"), path("telemetry"))
	var wait sync.WaitGroup
	b.ReportAllocs()
	b.ResetTimer()
	for i := range peers {
		wait.Go(func() {
			c, err := net.DialUDP("udp", nil, at)
			if err != nil {
				b.Error(err)
				return
			}
			defer func() { _ = c.Close() }()
			mine, buffer := append([]byte(nil), one...), make([]byte, 100)
			for n := i; n < b.N; n += peers {
				mine[2], mine[3] = byte(n/peers>>8), byte(n/peers)
				_, _ = c.Write(mine)
				_ = c.SetReadDeadline(time.Now().Add(10 * time.Second))
				if k, err := c.Read(buffer); err != nil || k != 8 || buffer[1] != c201 {
					b.Errorf("got %x, %v", buffer[:k], err)
					return
				}
			}
		})
	}
	wait.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "posts/s")
}
