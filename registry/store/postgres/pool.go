package postgres

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gridtie/gridtie/registry/store"
)

// reading is a connection that reads. Its transaction stays open after a view, for the next one that may see the same
// state: beginning one costs a round trip, as much as a read.
type reading struct {
	conn  *pgx.Conn
	at    store.LSN // what the open transaction shows; 0 if none is open
	begun uint64    // the pool's tick at which it was begun
	put   uint64    // the pool's tick at which it was last used
}

// An open transaction keeps the database from clearing away old versions of rows, so it is ended soon: when it was not
// used for a tick, or has served for some.
const (
	tick     = 250 * time.Millisecond
	maxTicks = 4
)

// pool keeps the connections that read. Those that were used last are used first, so that the others stay quiet.
type pool struct {
	config *pgx.ConnConfig
	places chan struct{} // one for each connection in use

	ticks atomic.Uint64
	seen  atomic.Uint64 // newest state that a view has shown; no later view shows an older one
	stop  chan struct{}

	mu    sync.Mutex // protects idle
	idle  []*reading
	loose sync.WaitGroup // connections that are being closed, and the goroutine that tidies
}

func newPool(config *pgx.ConnConfig, size int) *pool {
	return &pool{config: config, places: make(chan struct{}, size), stop: make(chan struct{})}
}

// enter takes a place, which leave gives back.
func (p *pool) enter(ctx context.Context) error {
	select {
	case p.places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pool) leave() { <-p.places }

// take returns a connection to somebody who has a place, and tells whether its open transaction will do for a view that
// must see the state acknowledged.
func (p *pool) take(ctx context.Context, acknowledged store.LSN) (r *reading, open bool, err error) {
	want := max(uint64(acknowledged), p.seen.Load())
	now := p.ticks.Load()
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		r = p.idle[n-1]
		p.idle = p.idle[:n-1]
	}
	p.mu.Unlock()
	if r != nil {
		return r, r.at != 0 && uint64(r.at) >= want && now-r.begun < maxTicks, nil
	}
	conn, err := pgx.ConnectConfig(ctx, p.config)
	if err != nil {
		return nil, false, err
	}
	return &reading{conn: conn}, false, nil
}

// saw notes that a view begins at a state.
func (p *pool) saw(at store.LSN) {
	for {
		seen := p.seen.Load()
		if uint64(at) <= seen || p.seen.CompareAndSwap(seen, uint64(at)) {
			return
		}
	}
}

// put takes a connection back that is fit for another use.
func (p *pool) put(r *reading) {
	r.put = p.ticks.Load()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, r)
}

// drop closes a connection.
func (p *pool) drop(r *reading) { p.loose.Go(func() { _ = hangUp(r.conn) }) }

// clear closes all that are idle: when one is broken, most are.
func (p *pool) clear() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, r := range idle {
		p.drop(r)
	}
}

// tidy ends transactions that are no longer used, until the pool is closed.
func (p *pool) tidy() {
	t := time.NewTicker(tick)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
		}
		now := p.ticks.Add(1)
		p.mu.Lock()
		var old []*reading
		kept := p.idle[:0]
		for _, r := range p.idle {
			if r.at != 0 && (now-r.put > 1 || now-r.begun >= maxTicks) {
				old = append(old, r)
			} else {
				kept = append(kept, r)
			}
		}
		clear(p.idle[len(kept):])
		p.idle = kept
		p.mu.Unlock()
		for _, r := range old {
			p.loose.Go(func() { p.finish(r) })
		}
	}
}

// finish ends the open transaction of a connection.
func (p *pool) finish(r *reading) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := r.conn.Exec(ctx, "ROLLBACK"); err != nil {
		_ = hangUp(r.conn)
		return
	}
	r.at = 0
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append([]*reading{r}, p.idle...) // to be used last
}

// run starts the goroutine that tidies; close ends it.
func (p *pool) run() { p.loose.Go(p.tidy) }

// close ends the pool when nobody uses it any more.
func (p *pool) close() {
	close(p.stop)
	p.loose.Wait()
	p.clear()
	p.loose.Wait()
}
