package server_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// heldCommit is a transaction that says when its run wants to commit, and waits for leave.
type heldCommit struct {
	engine.Tx
	reached chan<- struct{}
	leave   <-chan struct{}
}

func (t *heldCommit) Commit(ctx context.Context, f engine.Fate) (func(context.Context) error, error) {
	t.reached <- struct{}{}
	<-t.leave
	return t.Tx.Commit(ctx, f)
}

// matching is a root chain in which the node called decider sets the outcome, and another one reports it.
func matching(decider string) []engine.File {
	return []engine.File{
		{Name: "root.json", Text: fmt.Appendf(nil, `{
  "ruleChain": { "id": "root", "name": "Root" },
  "metadata": {
    "firstNode": %[1]q,
    "nodes": [
      { "id": %[1]q, "type": "match.supplier", "configuration": { "key": "msg.supplierKey" } },
      { "id": "report", "type": "action.report-outcome" }
    ],
    "connections": [ { "from": %[1]q, "to": "report", "type": "Unknown" } ]
  }
}`, decider)},
		{Name: "provision.json", Text: []byte(provisionChain)},
	}
}

func openCore(t *testing.T, o server.CoreOptions) *server.Core {
	t.Helper()
	st, err := pebble.Open("memory", pebble.Options{FS: vfs.NewMem()})
	must(t, err)
	core, err := server.NewCore(t.Context(), st, secret.NewKey(), o)
	must(t, err)
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

// TestRunsKeepTheirDeciders: an outcome is told as the chains decided on which its run began, also when they were replaced
// before the run ended.
func TestRunsKeepTheirDeciders(t *testing.T) {
	t.Parallel()
	reached, leave := make(chan struct{}), make(chan struct{})
	core := openCore(t, server.CoreOptions{Chains: matching("old"), Wrap: func(begin engine.BeginFunc) engine.BeginFunc {
		return func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
			ctx, tx, err := begin(ctx, m)
			return ctx, &heldCommit{tx, reached, leave}, err
		}
	}})
	d, _, err := core.Registry.AddDevice(t.Context(), registry.Device{Name: "meter-1", Profile: server.FirstProfile}, registry.Credentials{})
	must(t, err)
	profile, err := core.Registry.Profile(t.Context(), server.FirstProfile)
	must(t, err)
	fates := make(chan engine.Fate, 1)
	send := func(id string) {
		data, err := core.Intake.Object([]byte(`{"supplierKey":"nobody's"}`), devices.ShapeOf(profile))
		must(t, err)
		m := engine.NewMessage(engine.Header{
			ID: id, Type: "POST_ATTRIBUTES_REQUEST", Time: time.Now(),
			Origin: engine.Origin{Type: "DEVICE", ID: d.ID, Name: d.Name, Profile: d.Profile},
		}, data)
		must(t, core.Engine.Submit(t.Context(), m, func(f engine.Fate) { fates <- f }))
		<-reached
	}
	decidedBy := func() string {
		leave <- struct{}{}
		if f := <-fates; f.State != engine.Done {
			t.Fatalf("got %v: %v", f.State, f.Cause)
		}
		list, _, err := core.Registry.Outcomes(t.Context(), registry.OutcomeFilter{Device: d.ID}, registry.Page{})
		must(t, err)
		return list[0].Node + " @" + list[0].Revision
	}
	var revisions []string
	for n, set := range []string{"new", "newer", "old"} {
		before := core.Engine.Chain().Revision()
		revisions = append(revisions, before)
		send(fmt.Sprint("m", n))
		r, err := core.UseChains(t.Context(), matching(set))
		if err != nil || r.Result != admin.ReloadSwapped || r.Before != before || r.After == before {
			t.Fatalf("using %q: got %+v, %v", set, r, err)
		}
		was := []string{"old", "new", "newer"}[n]
		if got, want := decidedBy(), was+" @"+before; got != want {
			t.Errorf("decided by: got %s, want %s", got, want)
		}
	}
	send("last")
	if got, want := decidedBy(), "old @"+revisions[0]; got != want {
		t.Errorf("decided by: got %s, want %s", got, want)
	}
}

// TestDrainedTakesNoChains: what drains runs on what it has.
func TestDrainedTakesNoChains(t *testing.T) {
	t.Parallel()
	core := openCore(t, server.CoreOptions{Chains: matching("old")})
	must(t, core.Close(t.Context()))
	before := core.Engine.Chain().Revision()
	if _, err := core.UseChains(t.Context(), matching("new")); err == nil {
		t.Error("a set was taken after the end")
	}
	if got := core.Engine.Chain().Revision(); got != before {
		t.Errorf("revision: got %s, want %s", got, before)
	}
}

// TestFindingsAreMasked: a supply point that stands in a chain is not told further.
func TestFindingsAreMasked(t *testing.T) {
	t.Parallel()
	core := openCore(t, server.CoreOptions{Chains: matching("old")})
	files := matching("old")
	files[0].Text = []byte(strings.Replace(string(files[0].Text), "msg.supplierKey", "mgs.x == 'ES0021000000000001RK'", 1))
	r, err := core.UseChains(t.Context(), files)
	if err != nil || r.Result != admin.ReloadRefused || len(r.Findings) == 0 {
		t.Fatalf("got %+v, %v", r, err)
	}
	for _, f := range r.Findings {
		if strings.Contains(fmt.Sprintf("%+v", f), "ES0021000000000001RK") {
			t.Errorf("got %+v", f)
		}
	}
}
