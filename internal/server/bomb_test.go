package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// bomb is an expression that costs too much for some messages.
type bomb struct{ name, expr, data, want string }

func bombs() []bomb {
	numbers := "[" + strings.Repeat("1,", 899) + "1]"
	text := strings.Repeat("a", 50<<10)
	return []bomb{
		{"CPU: a list by itself", "all(msg.list, all(msg.list, # >= 0))", `{"list":` + numbers + `}`, "too much work"},
		{"CPU: a text in a loop", `all(msg.list, len(upper(msg.text)) > 0)`, `{"list":` + numbers + `,"text":"` + text + `"}`, "too much work"},
		{"memory: a text that grows", `len(msg.text + msg.text) > 0`, `{"text":"` + text + `"}`, "beyond 64 KiB"},
		{"memory: lists in lists", `len(map(msg.list, map(msg.list, [#,#,#,#,#,#,#,#]))) > 0`, `{"list":` + numbers + `}`, "too much"},
		{"pattern: backtracking on a long text", `msg.text matches "(a+)+$b"`, `{"text":"` + text + `"}`, "too long for a regular expression"},
		{
			"pattern: in a loop", `all(msg.list, msg.text matches "(a?){20}b" || true)`,
			`{"list":` + numbers + `,"text":"` + strings.Repeat("a", 4<<10) + `"}`, "too much work",
		},
	}
}

// guarded is the shipped set with a root chain that asks an expression first; an ordinary message passes it by.
func guarded(t testing.TB, expr string) []engine.File {
	t.Helper()
	quoted, err := json.Marshal(expr)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`{"ruleChain": {"id": "root", "name": "Root"}, "metadata": {"firstNode": "by-type", "nodes": [
		{"id": "by-type", "type": "filter.type-switch", "name": "What is it?"},
		{"id": "save", "type": "action.save-attributes", "name": "What ordinary messages wait for"},
		{"id": "bomb", "type": "filter.expr", "name": "A bomb", "configuration": {"expr": %s}},
		{"id": "end", "type": "action.log", "name": "The end", "configuration": {"level": "debug", "text": "'end'"}}
	], "connections": [
		{"from": "by-type", "to": "bomb", "type": "Post telemetry"},
		{"from": "bomb", "to": "end", "type": "True"},
		{"from": "by-type", "to": "save", "type": "Post attributes"},
		{"from": "by-type", "to": "end", "type": "Other"}
	]}}`, quoted)
	return server.Overlay([]engine.File{{Name: "root.json", Text: []byte(text)}}, chains.Files())
}

// bareCore is an engine over a store in a folder of fs.
func bareCore(t testing.TB, fs vfs.FS, files []engine.File) *server.Core {
	t.Helper()
	st, err := pebble.Open(filepath.Join(t.TempDir(), "registry"), pebble.Options{FS: fs})
	if err != nil {
		t.Fatal(err)
	}
	core, err := server.NewCore(t.Context(), st, secret.NewKey(), server.CoreOptions{Chains: files, Lazy: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := core.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return core
}

func messageOf(kind, id, device, data string) *engine.Message {
	return engine.NewMessage(engine.Header{
		ID: id, Type: kind, Time: time.Now(), Origin: engine.Origin{Type: "DEVICE", ID: device, Name: device},
	}, engine.NewData(data))
}

// busy is the time that the process has spent on processors, which does not depend on who else wants them.
func busy(t *testing.T) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

const telemetry = "POST_TELEMETRY_REQUEST"

// TestBombs lets expressions that cost too much go off in a whole engine over a store: each is a dead letter with a clear
// reason, after less than 8 MiB. It prints what each took. It counts what is allocated, so it runs alone.
func TestBombs(t *testing.T) {
	for _, b := range bombs() {
		t.Run(b.name, func(t *testing.T) {
			core := bareCore(t, vfs.NewMem(), guarded(t, b.expr))
			run := func(id, data string) (engine.Fate, time.Duration) {
				fates := make(chan engine.Fate, 1)
				began := busy(t)
				if err := core.Engine.Submit(t.Context(), messageOf(telemetry, id, "meter", data), func(f engine.Fate) { fates <- f }); err != nil {
					t.Fatal(err)
				}
				return <-fates, busy(t) - began
			}
			if f, _ := run("first", `{"list": [1], "text": "a"}`); f.State != engine.Done {
				t.Fatalf("a harmless message: got %s, %v, want it done", f.State, f.Cause)
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			f, took := run("bomb", b.data)
			runtime.ReadMemStats(&after)
			if f.State != engine.DeadLettered || f.Cause == nil || !strings.Contains(f.Cause.Error(), b.want) {
				t.Errorf("got %s, %v, want a dead letter with %q", f.State, f.Cause, b.want)
			}
			if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 8<<20 {
				t.Errorf("it took %d bytes, want less than 8 MiB", bytes)
			}
			t.Logf("%.1f ms of processor, %d KiB, with store and dead letter: %v", float64(took.Microseconds())/1000, (after.TotalAlloc-before.TotalAlloc)>>10, f.Cause)
		})
	}
}

// TestBombsInChainFiles: what would cost much before a message comes is refused by a reload, and changes nothing.
func TestBombsInChainFiles(t *testing.T) {
	core := bareCore(t, vfs.NewMem(), nil)
	for _, c := range []struct{ name, expr, want string }{
		{"a megabyte of (", strings.Repeat("(", 1<<20), "bytes"},
		{"four kilobytes of (", strings.Repeat("(", 4000), "more than 64 open brackets"},
		{"a pattern within patterns", `msg.a matches "((a{30}){30})"`, "too large"},
		{"a range", "sum(1..1000000000) > 0", "ranges are not part of the language"},
	} {
		t.Run(c.name, func(t *testing.T) {
			files := guarded(t, c.expr)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := busy(t)
			r, err := core.UseChains(t.Context(), files)
			took := busy(t) - began
			runtime.ReadMemStats(&after)
			if err != nil || r.Result != admin.ReloadRefused || len(r.Findings) == 0 || !strings.Contains(r.Findings.Error(), c.want) {
				t.Fatalf("got %s, %v, %v, want it refused with %q", r.Result, r.Findings, err, c.want)
			}
			if bytes := after.TotalAlloc - before.TotalAlloc; bytes > 8<<20 {
				t.Errorf("it took %d bytes, want less than 8 MiB", bytes)
			}
			t.Logf("%.1f ms of processor, %d KiB: %s", float64(took.Microseconds())/1000, (after.TotalAlloc-before.TotalAlloc)>>10, r.Findings[0].Message)
		})
	}
}

// BenchmarkBesideBombs measures how long ordinary messages take until they are on disk, a thousand a second, first alone
// and then while other devices send a bomb every 50 ms. Both halves alternate, so that a machine that is busy is so for both.
func BenchmarkBesideBombs(b *testing.B) {
	for _, bomb := range bombs() {
		b.Run(strings.ReplaceAll(bomb.name, " ", "-"), func(b *testing.B) {
			core := bareCore(b, vfs.Default, guarded(b, bomb.expr))
			var took [2][]time.Duration
			for b.Loop() {
				for with := range took {
					took[with] = append(took[with], beside(b, core, bomb, with == 1)...)
				}
			}
			p99 := func(all []time.Duration) float64 {
				slices.Sort(all)
				return float64(all[len(all)*99/100]) / 1e6
			}
			alone, beside := p99(took[0]), p99(took[1])
			b.ReportMetric(alone, "p99-alone-ms")
			b.ReportMetric(beside, "p99-beside-ms")
			b.ReportMetric(beside/alone, "ratio")
		})
	}
}

// beside sends ordinary messages for half a second, and bombs among them, and returns how long the ordinary ones took.
func beside(b *testing.B, core *server.Core, what bomb, with bool) []time.Duration {
	b.Helper()
	const messages, every, bombEvery = 500, time.Millisecond, 50
	var mu sync.Mutex // protects took
	var took []time.Duration
	var all sync.WaitGroup
	tick := time.NewTicker(every)
	defer tick.Stop()
	for n := range messages {
		<-tick.C
		if with && n%bombEvery == 0 {
			all.Add(1)
			if err := core.Engine.Submit(b.Context(), messageOf(telemetry, fmt.Sprint("b", n), fmt.Sprint("bomber-", n), what.data),
				func(engine.Fate) { all.Done() }); err != nil {
				b.Fatal(err)
			}
		}
		all.Add(1)
		began := time.Now()
		if err := core.Engine.Submit(b.Context(), attributes(fmt.Sprint("m", n), fmt.Sprint("meter-", n%50)), func(engine.Fate) {
			mu.Lock()
			took = append(took, time.Since(began))
			mu.Unlock()
			all.Done()
		}); err != nil {
			b.Fatal(err)
		}
	}
	all.Wait()
	return took
}
