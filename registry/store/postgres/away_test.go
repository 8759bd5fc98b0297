package postgres_test

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// relay stands between a store and its server, and can be shut for a while.
type relay struct {
	listener net.Listener
	to       string

	mu    sync.Mutex // protects what follows
	shut  bool
	conns map[net.Conn]bool
	group sync.WaitGroup
}

// relayed returns a way to open a store through a relay.
func relayed(t *testing.T) (*relay, func() *postgres.Store) {
	t.Helper()
	dsn, schema := database(t)
	host, port := postgres.HostPort(dsn)
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{listener: l, to: net.JoinHostPort(host, port), conns: map[net.Conn]bool{}}
	r.group.Go(r.accept)
	t.Cleanup(func() {
		_ = l.Close()
		r.set(true)
		r.group.Wait()
	})
	return r, func() *postgres.Store {
		t.Helper()
		s, err := postgres.OpenAt(t.Context(), dsn, l.Addr().String(), postgres.Options{Schema: schema})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
}

func (r *relay) accept() {
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return
		}
		r.group.Go(func() { r.carry(near) })
	}
}

func (r *relay) carry(near net.Conn) {
	defer func() { _ = near.Close() }()
	r.mu.Lock()
	if r.shut {
		r.mu.Unlock()
		return
	}
	far, err := net.Dial("tcp", r.to)
	if err != nil {
		r.mu.Unlock()
		return
	}
	r.conns[near], r.conns[far] = true, true
	r.mu.Unlock()
	var ways sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		ways.Go(func() {
			_, _ = io.Copy(way[1], way[0])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	ways.Wait()
	r.mu.Lock()
	delete(r.conns, near)
	delete(r.conns, far)
	r.mu.Unlock()
}

// set shuts the relay, cutting what it carries, or opens it.
func (r *relay) set(shut bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.shut = shut
	for c := range r.conns {
		if shut {
			_ = c.Close()
		}
	}
}

// TestAway: a store waits for its server, says why, and goes on when it is back. Whoever cannot wait is told apart from
// who meets a fault.
func TestAway(t *testing.T) {
	t.Parallel()
	r, open := relayed(t)
	s := open()
	if err := put(s, "a", "1"); err != nil {
		t.Fatal(err)
	}
	if err := s.Away(); err != nil {
		t.Errorf("away while the server is there: %v", err)
	}
	_, err := s.View(t.Context(), func(reader store.Reader) error {
		_ = reader.At() // now the view stands for one state
		r.set(true)
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		if _, err := s.View(ctx, func(store.Reader) error { return nil }); !errors.Is(err, store.ErrAway) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a view that could not wait: got %v, want ErrAway and the end of its context", err)
		}
		if s.Away() == nil {
			t.Error("the server is away, and nobody knows")
		}
		changed := make(chan error, 1)
		go func() { changed <- put(s, "a", "2") }()
		r.set(false)
		if err := <-changed; err != nil {
			t.Errorf("a batch that waited: %v", err)
		}
		_, _, err := reader.Get([]byte("a"))
		return err
	})
	if !errors.Is(err, store.ErrAway) {
		t.Errorf("a view that lost its state: got %v, want ErrAway", err)
	}
	if got, err := get(s, "a"); err != nil || got != "2" {
		t.Errorf("afterwards: got %q (%v), want 2", got, err)
	}
	if err := s.Away(); err != nil {
		t.Errorf("away although the server is back: %v", err)
	}
	if err := s.Err(); err != nil {
		t.Errorf("the store has failed: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestGiveUp: nobody waits any longer. A server that is there is used still.
func TestGiveUp(t *testing.T) {
	t.Parallel()
	r, open := relayed(t)
	s := open()
	s.GiveUp()
	if err := put(s, "a", "1"); err != nil {
		t.Errorf("given up, but there: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = open()
	r.set(true)
	ended := make(chan error, 1)
	go func() { ended <- put(s, "a", "2") }()
	for s.Away() == nil {
		time.Sleep(time.Millisecond)
	}
	s.GiveUp()
	if err := <-ended; !errors.Is(err, store.ErrFailed) {
		t.Errorf("given up while waiting: got %v, want ErrFailed", err)
	}
	if err := s.Close(); !errors.Is(err, store.ErrFailed) {
		t.Errorf("close: got %v, want ErrFailed", err)
	}
	r.set(false) // the schema is dropped through another way, but its lock goes with this connection
}
