package server_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
)

// TestFailedFlushIsNotAcknowledged: a meter whose message the disk did not take is not told that it did.
func TestFailedFlushIsNotAcknowledged(t *testing.T) {
	t.Parallel()
	const limit = 30 * time.Second
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && strings.HasSuffix(op.Path, ".log") {
			return errors.New("input/output error")
		}
		return nil
	}))
	s := start(t, server.Options{FS: fs})
	addMeter(t, s, "meter", "T")
	c := connectMQTT(t, s, "T")
	publish := func() error {
		token := c.Publish("v1/devices/me/attributes", 1, false, `{"volts":230}`)
		if !token.WaitTimeout(limit) {
			t.Fatal("neither acknowledged nor closed")
		}
		return token.Error()
	}
	if err := publish(); err != nil {
		t.Errorf("with a good disk: %v", err)
	}
	broken.Store(true)
	if err := publish(); err == nil {
		t.Error("with a bad disk the message was acknowledged")
	}
	_ = s.stop() // TestFailedFlush tells with what error
}

// TestDeadLetterTellsItsWay: a dead letter has all that is needed to find out why, and to send it again.
func TestDeadLetterTellsItsWay(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{})
	fates := make(chan engine.Fate, 1)
	if err := s.Engine().Submit(t.Context(), attributes("m1", "nobody"), func(f engine.Fate) { fates <- f }); err != nil {
		t.Fatal(err)
	}
	f := <-fates
	letters, _, err := s.Registry().DeadLetters(t.Context(), registry.DeadLetterFilter{}, registry.Page{Limit: 10})
	if err != nil || len(letters) != 1 {
		t.Fatalf("got %d dead letters, %v", len(letters), err)
	}
	l := letters[0]
	var way []string
	for _, hop := range f.Path.Hops() {
		way = append(way, hop.Chain+"/"+hop.Node+" "+hop.Relation)
	}
	if len(way) == 0 || !slices.Equal(l.Path, way) {
		t.Errorf("path: got %q, want %q", l.Path, way)
	}
	if l.Message != "m1" || l.Data != `{"volts":230}` || l.DeviceName != "nobody" || l.Attempt != 1 || l.Revision != f.Revision ||
		f.Cause == nil || l.Cause != f.Cause.Error() {
		t.Errorf("got %+v, want it to be of %+v", l, f)
	}
}
