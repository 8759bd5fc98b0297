package main

import (
	"context"
	"sync"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
)

// commits acknowledges messages in groups, each of which takes a time to commit. What comes meanwhile is the next group.
type commits struct {
	takes time.Duration // 0: every message is acknowledged at once

	mu      sync.Mutex
	waiting []func(mqttserver.Verdict)
	more    chan struct{} // holds one while something waits
}

func newCommits(takes time.Duration) *commits {
	return &commits{takes: takes, more: make(chan struct{}, 1)}
}

func (c *commits) add(done func(mqttserver.Verdict)) {
	if c.takes == 0 {
		done(mqttserver.Ack)
		return
	}
	c.mu.Lock()
	c.waiting = append(c.waiting, done)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

// run commits until ctx ends.
func (c *commits) run(ctx context.Context) {
	var group []func(mqttserver.Verdict)
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.more:
		}
		c.mu.Lock()
		group, c.waiting = c.waiting, group[:0]
		c.mu.Unlock()
		time.Sleep(c.takes)
		for i, done := range group {
			done(mqttserver.Ack)
			group[i] = nil
		}
	}
}
