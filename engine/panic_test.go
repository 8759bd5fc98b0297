package engine_test

import (
	"context"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/engine"
)

// TestPanicLeavesNoWrites: a node that wrote and then panicked leaves no more than one that wrote and then failed.
func TestPanicLeavesNoWrites(t *testing.T) {
	t.Parallel()
	h := hooks{"half": func(ctx context.Context, _ *engine.Message) (engine.Result, error) {
		write(ctx, "half")
		panic("no more")
	}}
	w := &world{}
	e := start(t, compile(t, testCatalog(t, h), chain("root", "a:test.write(a)", "b:test.hook(half)", "c:test.write(c)",
		"a -Success-> b", "b -Failure-> c")), engine.Options{Begin: w.begin})
	f := send(t, e, engine.NewMessage(device("d"), nil))
	if got := strings.Join(w.effects, " "); got != "a c" || f.State != engine.Done {
		t.Errorf("got %v with the effects %q, want it done with a c", f.State, got)
	}
}
