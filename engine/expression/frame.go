package expression

import (
	"context"
	"sync"

	"github.com/expr-lang/expr/vm"
)

// frame is one evaluation. Frames are pooled, so that an evaluation allocates nothing of its own.
type frame struct {
	ctx   context.Context
	scope Scope
	steps int // left to spend
	at    int // where the operation under way stands in the source, in characters

	args   []any          // of the calls under way, innermost last
	env    map[string]any // of the virtual machine
	vm     vm.VM
	onVM   bool     // env, vm and traced hold something
	traced []traced // by Explain
	// panicked is what a function panicked with under the machine, which recovers from everything.
	panicked any
}

type traced struct {
	at    int
	value any
}

var frames = sync.Pool{New: func() any { return new(frame) }}

func newFrame(ctx context.Context, s Scope) *frame {
	f := frames.Get().(*frame)
	f.ctx, f.scope, f.steps = ctx, s, MaxSteps
	return f
}

// release returns the frame without what it held of the message.
func (f *frame) release() {
	f.ctx, f.scope = nil, nil
	if len(f.args) > 0 { // an evaluation that failed left them
		clear(f.args)
		f.args = f.args[:0]
	}
	if f.onVM {
		clear(f.env)
		clear(f.vm.Stack)
		f.onVM, f.traced, f.panicked = false, nil, nil
	}
	frames.Put(f)
}

var errSteps = &fault{reason: "the expression does too much work for one message (limit 100,000 steps)"}

func (f *frame) spend(steps int) {
	if f.steps -= steps; f.steps < 0 {
		panic(errSteps)
	}
}

func (f *frame) spendText(bytes int) {
	if bytes >= stepText {
		f.spend(bytes / stepText)
	}
}

func (f *frame) spendList(n int) {
	if n > MaxList {
		fail("the list has more than 1,000 elements")
	}
	f.spend(n)
}
