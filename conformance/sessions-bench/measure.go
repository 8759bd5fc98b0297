package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gridtie/gridtie/conformance/internal/lean"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

const (
	users       = 200 // and as many clients publish
	connecters  = 50  // clients that connect at once
	messageSize = 200 // bytes of a PUBLISH with its fixed header
	patience    = time.Minute
	acksize     = 4
)

// figure is what one measurement gave.
type figure struct {
	Rate float64       // a second; or KiB
	P50  time.Duration // of a PUBACK
	P99  time.Duration
	CPU  time.Duration // of the server, for one
}

// measurement is one way to look at a server.
type measurement func(ctx context.Context, p *process, d time.Duration) (figure, error)

// publishes sends QoS 1 messages, each client window of them ahead of their PUBACKs.
func publishes(window int) measurement {
	return func(ctx context.Context, p *process, d time.Duration) (figure, error) {
		conns, err := enter(ctx, p, users)
		if err != nil {
			return figure{}, err
		}
		defer leave(conns)
		return p.timed(d, func(until time.Time) (int64, lean.Latencies, error) {
			var sent atomic.Int64
			took := make([]lean.Latencies, len(conns))
			err := each(len(conns), func(i int) error {
				n, l, err := publish(conns[i], window, until)
				sent.Add(int64(n))
				took[i] = l
				return err
			})
			var all lean.Latencies
			for _, l := range took {
				all = append(all, l...)
			}
			return sent.Load(), all, err
		})
	}
}

// publish keeps window messages on their way until it is time, and returns how many were acknowledged.
func publish(c *lean.Conn, window int, until time.Time) (acked int, took lean.Latencies, err error) {
	const topic = "bench/v1/devices/me/telemetry"
	m := packet.Publish{Topic: topic, QoS: 1, ID: 1, Payload: []byte(strings.Repeat("x", messageSize-3-2-len(topic)-2))}
	one := m.Append(nil)
	idAt := 3 + 2 + len(topic)
	burst := make([]byte, 0, window*len(one))
	begun := make([]time.Time, window) // of the message with the number n, at n modulo window
	answers := make([]byte, acksize*window)
	sent, rest := 0, 0
	for now := time.Now(); ; now = time.Now() {
		burst = burst[:0]
		for now.Before(until) && sent-acked < window {
			id := uint16(sent%0xffff + 1)
			one[idAt], one[idAt+1] = byte(id>>8), byte(id)
			burst = append(burst, one...)
			begun[sent%window] = now
			sent++
		}
		if len(burst) > 0 {
			if _, err := c.Write(burst); err != nil {
				return acked, took, err
			}
		}
		if sent == acked {
			return acked, took, nil
		}
		n, err := c.Read(answers[rest:])
		if err != nil {
			return acked, took, err
		}
		now = time.Now()
		for rest += n; rest >= acksize; rest -= acksize {
			if answers[0] != byte(packet.PUBACK)<<4 {
				return acked, took, fmt.Errorf("got a packet that begins with %#x, want a PUBACK", answers[0])
			}
			took = append(took, now.Sub(begun[acked%window]))
			copy(answers, answers[acksize:rest])
			acked++
		}
	}
}

// connects opens sessions and ends them.
func connects(ctx context.Context, p *process, d time.Duration) (figure, error) {
	dialer := lean.NewDialer(p.address)
	return p.timed(d, func(until time.Time) (int64, lean.Latencies, error) {
		var n atomic.Int64
		took := make([]lean.Latencies, connecters)
		err := each(connecters, func(i int) error {
			for time.Now().Before(until) {
				begin := time.Now()
				c, err := dialer.Dial(ctx, patience)
				if err != nil {
					return err
				}
				if err := c.Connect(p.login(i)); err != nil {
					return err
				}
				took[i] = append(took[i], time.Since(begin))
				n.Add(1)
				_ = c.Send(lean.Disconnect{})
				c.Release()
				_ = c.Close()
			}
			return nil
		})
		var all lean.Latencies
		for _, l := range took {
			all = append(all, l...)
		}
		return n.Load(), all, err
	})
}

// idle is the resident memory of a session that has published once and says nothing more for a while. What the login and the
// message took, and the depth of stacks that they needed, Go gives back with the collections of garbage of the next minutes:
// one comes every two of them.
func idle(clients int, settle time.Duration) measurement {
	return func(ctx context.Context, p *process, _ time.Duration) (figure, error) {
		before, err := p.rss()
		if err != nil {
			return figure{}, err
		}
		conns, err := enter(ctx, p, clients)
		if err != nil {
			return figure{}, err
		}
		defer leave(conns)
		err = each(len(conns), func(i int) error {
			m := packet.Publish{Topic: p.topic, QoS: 1, ID: 1, Payload: []byte(p.payload)}
			if err := conns[i].Send(&m); err != nil {
				return err
			}
			_, err := io.ReadFull(conns[i], make([]byte, acksize))
			return err
		})
		select {
		case <-ctx.Done():
		case <-time.After(settle):
		}
		after, rssErr := p.rss()
		if err == nil {
			err = rssErr
		}
		return figure{Rate: (after - before) / float64(clients)}, err
	}
}

// timed runs load for d and says what it made of the server.
func (p *process) timed(d time.Duration, load func(until time.Time) (int64, lean.Latencies, error)) (figure, error) {
	before, err := p.cpu()
	if err != nil {
		return figure{}, err
	}
	begin := time.Now()
	n, took, err := load(begin.Add(d))
	lasted := time.Since(begin)
	if err != nil {
		return figure{}, err
	}
	after, err := p.cpu()
	s := took.Summary()
	return figure{float64(n) / lasted.Seconds(), s.P50, s.P99, (after - before) / time.Duration(max(n, 1))}, err
}

func (p *process) login(i int) *packet.Connect {
	c := lean.Login("client-"+strconv.Itoa(i), p.user(i))
	c.KeepAlive = 0 // idle ones say nothing
	return c
}

// enter opens sessions, some at once, so that no limit of half-open connections is met.
func enter(ctx context.Context, p *process, clients int) ([]*lean.Conn, error) {
	dialer := lean.NewDialer(p.address)
	conns := make([]*lean.Conn, clients)
	var next atomic.Int64
	err := each(min(connecters, clients), func(int) error {
		for {
			i := int(next.Add(1)) - 1
			if i >= clients {
				return nil
			}
			c, err := dialer.Dial(ctx, 10*patience)
			if err != nil {
				return err
			}
			conns[i] = c
			if err := c.Connect(p.login(i)); err != nil {
				return err
			}
		}
	})
	if err != nil {
		leave(conns)
	}
	return conns, err
}

func leave(conns []*lean.Conn) {
	for _, c := range conns {
		if c != nil {
			_ = c.Close()
		}
	}
}

// each calls f for 0 to n-1 at once, and returns the first error.
func each(n int, f func(int) error) error {
	errs := make(chan error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			if err := f(i); err != nil {
				errs <- err
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}
