package main

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gridtie/gridtie/conformance/internal/lean"
)

// fleet sends meters through their lives.
type fleet struct {
	*world
	meters      int
	connections int     // that live at once, at most
	rate        float64 // meters that begin in a second; 0 for as fast as they end

	begun, ended, failed atomic.Int64
}

// result is what a fleet has measured.
type result struct {
	took   time.Duration
	whole  lean.Latencies
	steps  [steps]lean.Latencies
	lag    time.Duration // the longest that a meter began after its moment, in an open loop
	tokens []string      // of the meters that ended well; empty for the others
	first  error         // of the first meter that failed
}

// worker is one meter after another.
type worker struct {
	whole lean.Latencies
	steps [steps]lean.Latencies
	lag   time.Duration
	first error
}

func (f *fleet) run(ctx context.Context) *result {
	r := &result{tokens: make([]string, f.meters)}
	workers := make([]worker, min(f.connections, f.meters))
	begin := time.Now()
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { f.work(ctx, &workers[i], r.tokens, begin) })
	}
	wg.Wait()
	r.took = time.Since(begin)
	for i := range workers {
		w := &workers[i]
		r.whole = append(r.whole, w.whole...)
		for s := range w.steps {
			r.steps[s] = append(r.steps[s], w.steps[s]...)
		}
		r.lag = max(r.lag, w.lag)
		if r.first == nil {
			r.first = w.first
		}
	}
	return r
}

func (f *fleet) work(ctx context.Context, w *worker, tokens []string, begin time.Time) {
	for {
		i := int(f.begun.Add(1)) - 1
		if i >= len(tokens) || ctx.Err() != nil {
			return
		}
		due := time.Now()
		if f.rate > 0 {
			due = begin.Add(time.Duration(float64(i) / f.rate * float64(time.Second)))
			if !sleepUntil(ctx, due) {
				return
			}
			w.lag = max(w.lag, time.Since(due))
		}
		var l life
		token, err := f.live(ctx, i, &l)
		if err != nil {
			f.failed.Add(1)
			if w.first == nil {
				w.first = err
			}
			continue
		}
		tokens[i] = token
		w.whole = append(w.whole, time.Since(due))
		for s, took := range l {
			w.steps[s] = append(w.steps[s], took)
		}
		f.ended.Add(1)
	}
}

func sleepUntil(ctx context.Context, t time.Time) bool {
	d := time.Until(t)
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// asked is how many meters are asked for their attachment at the end.
const asked = 200

// verify asks some meters, evenly spread, whether they are attached.
func (f *fleet) verify(ctx context.Context, tokens []string) (know, of int, err error) {
	for i := 0; i < len(tokens); i += max(len(tokens)/asked, 1) {
		if tokens[i] == "" {
			continue
		}
		of++
		ok, err := f.attached(ctx, tokens[i])
		if err != nil {
			return know, of, err
		}
		if ok {
			know++
		}
	}
	return know, of, nil
}
