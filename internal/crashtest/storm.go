package crashtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gridtie/gridtie/internal/admin"
)

// Storm is meters that come in over sockets, round after round: first those that were cut off before, then new ones.
type Storm struct {
	World
	Log
	Operator *admin.Client // of the server in which they are; nil for no calls

	mu   sync.Mutex // protects what follows
	todo []int      // cut off before
	next int
	cuts map[int]bool // meters that were cut off while they waited for a call
}

// Rage sends meters to a server, over so many connections at once, until each of these has met an error: the server's
// death. ended is called with each of the errors as it comes, from several goroutines.
func (s *Storm) Rage(to Addresses, connections int, ended func(error)) {
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for {
				n := s.take()
				if err := s.visit(to, n); err != nil {
					s.giveBack(n)
					ended(fmt.Errorf("%s: %w", name(n), err))
					return
				}
			}
		})
	}
	all.Wait()
}

// Persist sends meters to a server, over so many connections at once, until ctx ends; one that meets an error begins again
// after a while, as devices do. visited is called with the time that each visit took, and with the error that cut it
// off, from several goroutines.
func (s *Storm) Persist(ctx context.Context, to Addresses, connections int, visited func(took time.Duration, cut error)) {
	const pause = 50 * time.Millisecond
	var all sync.WaitGroup
	for range connections {
		all.Go(func() {
			for ctx.Err() == nil {
				n, began := s.take(), time.Now()
				err := s.visit(to, n)
				visited(time.Since(began), err)
				if err == nil {
					continue
				}
				s.giveBack(n)
				select {
				case <-ctx.Done():
				case <-time.After(pause):
				}
			}
		})
	}
	all.Wait()
}

func (s *Storm) take() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.todo) > 0 {
		n := s.todo[0]
		s.todo = s.todo[1:]
		return n
	}
	s.next++
	return s.next - 1
}

func (s *Storm) giveBack(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.todo = append(s.todo, n)
}

// visit takes a meter from where it stands to its end: credentials, then attributes, over MQTT with all messages in flight at
// once, then calls.
func (s *Storm) visit(to Addresses, n int) error {
	given := s.Meter(n).Credentials
	if s.Meter(n).Answers == 0 {
		if err := s.askAtOnce(to, n); err != nil {
			return err
		}
		given = s.Meter(n).Credentials
	}
	c, err := speak(to, n, given)
	if err != nil {
		return err
	}
	first := 0
	var payloads [][]byte
	for range Posts {
		k := s.Send(n)
		if first == 0 {
			first = k
		}
		payloads = append(payloads, s.payload(n, k))
	}
	err = c.Post(payloads, func(i int) { s.Ack(n, first+i) })
	if err == nil {
		err = s.order(n)
	}
	if err == nil {
		err = s.attend(c, n)
	}
	return errors.Join(err, c.Close())
}

// askAtOnce provisions a meter: every fifth by two requests at the same moment, which must be answered alike.
func (s *Storm) askAtOnce(to Addresses, n int) error {
	requests := 1
	if n%5 == 0 {
		requests = 2
	}
	errs := make([]error, requests)
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() {
			s.Ask(n)
			given, err := s.provision(to, n)
			switch {
			case err == nil:
				s.Answer(n, given)
			case errors.Is(err, ErrNotProvisioned):
				s.Refused(n)
			}
			errs[i] = err
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// Return lets meters in again that have their credentials: every step-th of them.
func (s *Storm) Return(address string, step int) error {
	meters := s.Snapshot(func() {})
	for i := 0; i < len(meters); i += step {
		if meters[i].Answers == 0 {
			continue
		}
		c, err := Dial(address, loginOf(meters[i].Credentials))
		if err != nil {
			return fmt.Errorf("%s comes back: %w", name(i), err)
		}
		if err := c.Close(); err != nil {
			return err
		}
	}
	return nil
}
