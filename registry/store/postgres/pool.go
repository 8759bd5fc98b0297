package postgres

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
)

// pool keeps the connections that read. Those that were used last are used first, so that the others stay quiet.
type pool struct {
	config *pgx.ConnConfig
	places chan struct{} // one for each connection in use

	mu    sync.Mutex // protects idle
	idle  []*pgx.Conn
	loose sync.WaitGroup // connections that are being closed
}

func newPool(config *pgx.ConnConfig, size int) *pool {
	return &pool{config: config, places: make(chan struct{}, size)}
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

// take returns a connection to somebody who has a place.
func (p *pool) take(ctx context.Context) (*pgx.Conn, error) {
	p.mu.Lock()
	if n := len(p.idle); n > 0 {
		conn := p.idle[n-1]
		p.idle = p.idle[:n-1]
		p.mu.Unlock()
		return conn, nil
	}
	p.mu.Unlock()
	return pgx.ConnectConfig(ctx, p.config)
}

// put takes a connection back that is fit for another use.
func (p *pool) put(conn *pgx.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.idle = append(p.idle, conn)
}

// drop closes a connection.
func (p *pool) drop(conn *pgx.Conn) { p.loose.Go(func() { _ = hangUp(conn) }) }

// clear closes all that are idle: when one is broken, most are.
func (p *pool) clear() {
	p.mu.Lock()
	idle := p.idle
	p.idle = nil
	p.mu.Unlock()
	for _, conn := range idle {
		p.drop(conn)
	}
}

// close ends the pool when nobody uses it any more.
func (p *pool) close() {
	p.clear()
	p.loose.Wait()
}
