package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/nodes/filter"
	"github.com/gridtie/gridtie/nodes/flow"
)

// filesOf is one chain of n filter nodes that all pass, as files of at most 250 nodes that call each other.
func filesOf(n int) []engine.File {
	const most = 250
	var files []engine.File
	for part := 0; n > 0; part++ {
		here := min(n, most)
		n -= here
		var nodes, edges []string
		for i := range here {
			nodes = append(nodes, fmt.Sprintf(`{"id":"n%d","type":"filter.expr","configuration":{"expr":"present(msg.cups)"}}`, i))
			if i > 0 {
				edges = append(edges, fmt.Sprintf(`{"from":"n%d","to":"n%d","type":"True"}`, i-1, i))
			}
		}
		if n > 0 {
			nodes = append(nodes, fmt.Sprintf(`{"id":"on","type":"flow.chain","configuration":{"chain":"part%d"}}`, part+1))
			edges = append(edges, fmt.Sprintf(`{"from":"n%d","to":"on","type":"True"}`, here-1))
		}
		files = append(files, engine.File{Name: fmt.Sprintf("part%d.json", part), Text: fmt.Appendf(nil,
			`{"ruleChain":{"id":"part%d"},"metadata":{"firstNode":"n0","nodes":[%s],"connections":[%s]}}`,
			part, strings.Join(nodes, ","), strings.Join(edges, ","))})
	}
	return files
}

func engineOf(n int) (*engine.Engine, error) {
	language, err := expression.New()
	if err != nil {
		return nil, err
	}
	catalog, err := engine.NewCatalog(language, filter.Expr(), flow.Chain())
	if err != nil {
		return nil, err
	}
	chain, findings := engine.Compile(filesOf(n), catalog, engine.CompileOptions{Root: "part0"})
	if findings.HasErrors() {
		return nil, fmt.Errorf("a chain of %d nodes: %w", n, findings)
	}
	return engine.New(chain, engine.Options{InFlight: 128}), nil
}

// measureChain runs messages of many devices through chains of filters.
func measureChain(ctx context.Context, rounds int) ([]chainPoint, error) {
	var points []chainPoint
	var engines []*engine.Engine
	for _, n := range []int{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000} {
		e, err := engineOf(n)
		if err != nil {
			return nil, err
		}
		points, engines = append(points, chainPoint{Nodes: n}), append(engines, e)
	}
	for range rounds {
		for i, e := range engines {
			p := &points[i]
			took, err := through(ctx, e, 1000+50_000/p.Nodes)
			if err != nil {
				return nil, err
			}
			if p.Message == 0 || took < p.Message {
				p.Message = took
			}
		}
	}
	var errs []error
	for _, e := range engines {
		errs = append(errs, e.Drain(ctx))
	}
	return points, errors.Join(errs...)
}

// through returns the processor time that a message takes.
func through(ctx context.Context, e *engine.Engine, messages int) (float64, error) {
	payload := `{"cups":"ES0021000000000001RK","supplierKey":"***","firmware":"1.2"}`
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	now, begin := time.Now(), processor()
	for i := range messages {
		wait.Add(1)
		m := engine.NewMessage(engine.Header{
			ID: "0199a000-0000-7000-8000-000000000001", Type: "POST_ATTRIBUTES_REQUEST", Time: now,
			Origin: engine.Origin{Type: "DEVICE", ID: fmt.Sprintf("d%d", i%1000)},
		}, engine.NewData(payload))
		err := e.Submit(ctx, m, func(f engine.Fate) {
			if f.State != engine.Done {
				mu.Lock()
				failed = fmt.Errorf("a message met the fate %v: %w", f.State, f.Cause)
				mu.Unlock()
			}
			wait.Done()
		})
		if err != nil {
			return 0, err
		}
	}
	wait.Wait()
	return (processor() - begin) / float64(messages), failed
}

// processor is the time in seconds that this process has had on the processors. Unlike the clock it does not count what
// others do on them.
func processor() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}
