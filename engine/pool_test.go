package engine_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/engine"
)

// TestIdleWorkersEnd: what a flood made of workers ends when there is nothing to do for them, and comes back with the next.
func TestIdleWorkersEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var release chan struct{}
		h := hooks{"hold": func(_ context.Context, m *engine.Message) (engine.Result, error) {
			<-release
			return engine.Success(m), nil
		}}
		e := start(t, compile(t, testCatalog(t, h), chain("root", "a:test.hook(hold)")), engine.Options{})
		flood := func(n int) {
			release = make(chan struct{})
			var fates sync.WaitGroup
			for i := range n {
				fates.Add(1)
				if err := e.Submit(t.Context(), engine.NewMessage(device(strconv.Itoa(i)), nil), func(engine.Fate) { fates.Done() }); err != nil {
					t.Fatal(err)
				}
			}
			synctest.Wait()
			close(release)
			fates.Wait()
			synctest.Wait()
		}
		for range 3 {
			flood(500)
			if n := e.Workers(); n < 500 {
				t.Errorf("after 500 messages at once: got %d workers, want 500", n)
			}
			time.Sleep(40 * time.Second)
			flood(300) // keeps so many
			time.Sleep(40 * time.Second)
			synctest.Wait()
			if n := e.Workers(); n < 300 {
				t.Errorf("after 300 messages within a minute: got %d workers, want at least 300", n)
			}
			time.Sleep(3 * time.Minute)
			synctest.Wait()
			if n := e.Workers(); n != 64 {
				t.Errorf("after three minutes without a message: got %d workers, want 64", n)
			}
		}
	})
}
