package crashtest_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/crashtest"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
)

// TestCheck damages what clients know or what the registry holds, and wants each damage to be found for what it is.
func TestCheck(t *testing.T) {
	t.Parallel()
	const first = "meter-00000"
	for _, c := range []struct {
		name   string
		damage func(t *testing.T, r *registry.Registry, meters []crashtest.Meter)
		want   crashtest.Fault // none: nothing is wrong
	}{
		{"nothing", func(*testing.T, *registry.Registry, []crashtest.Meter) {}, ""},
		{"a device is gone", func(t *testing.T, r *registry.Registry, _ []crashtest.Meter) {
			must(t, r.DeleteDevice(t.Context(), device(t, r, first).ID))
		}, crashtest.Lost},
		{"a device that nobody asked for", func(t *testing.T, r *registry.Registry, _ []crashtest.Meter) {
			_, _, err := r.AddDevice(t.Context(), registry.Device{Name: "x", Profile: server.FirstProfile}, registry.Credentials{})
			must(t, err)
		}, crashtest.Unknown},
		{"other credentials were answered", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Credentials.Token = secret.NewText("another")
		}, crashtest.Lost},
		{"another password was answered", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[2].Credentials.Password = secret.NewText("another")
		}, crashtest.Lost},
		{"more answers than decisions", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Asked, ms[0].Answers = 2, 2
		}, crashtest.Lost},
		{"a meter was turned away", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].LockedOut = true
		}, crashtest.Lost},
		{"a meter was given two credentials", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Confused = true
		}, crashtest.Double},
		{"more acknowledgements than outcomes", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Acks, ms[0].Sent = 4, 4
		}, crashtest.Lost},
		{"more outcomes than messages", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Acks, ms[0].Sent = 2, 2
		}, crashtest.Double},
		{"a dead letter of nothing", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[6].Sent, ms[6].Acks, ms[6].Last, ms[6].Poisoned = 0, 0, 0, false
		}, crashtest.Double},
		{"ENTITY_CREATED was never run", func(t *testing.T, r *registry.Registry, _ []crashtest.Meter) {
			_, err := r.DeleteAttributes(t.Context(), device(t, r, first).ID, registry.ServerScope, "created")
			must(t, err)
		}, crashtest.Lost},
		{"ENTITY_CREATED was run twice", func(t *testing.T, r *registry.Registry, _ []crashtest.Meter) {
			save(t, r, first, registry.ServerScope, "created", `2`)
		}, crashtest.Double},
		{"PROVISION_SUCCESS was run twice", func(t *testing.T, r *registry.Registry, _ []crashtest.Meter) {
			save(t, r, first, registry.ServerScope, "provisioned", `2`)
		}, crashtest.Double},
		{"an older message has the last word", func(t *testing.T, r *registry.Registry, _ []crashtest.Meter) {
			save(t, r, first, registry.ClientScope, "n", `2`)
		}, crashtest.Lost},
		{"a failed message has written", func(t *testing.T, r *registry.Registry, _ []crashtest.Meter) {
			save(t, r, "meter-00006", registry.ClientScope, "poison", `true`)
		}, crashtest.HalfMade},
		{"the device is told of another message", func(t *testing.T, r *registry.Registry, _ []crashtest.Meter) {
			save(t, r, first, registry.SharedScope, "attachment", `{"message": "another"}`)
		}, crashtest.HalfMade},
		{"an accepted call is gone", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Calls = append(ms[0].Calls, crashtest.Call{Accepted: true})
		}, crashtest.Lost},
		{"a call is there that nobody made", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Calls = ms[0].Calls[:1]
		}, crashtest.Unknown},
		{"a call is there twice", func(t *testing.T, r *registry.Registry, _ []crashtest.Meter) {
			queue(t, r, first, 1)
		}, crashtest.Double},
		{"an acknowledged answer is gone", func(t *testing.T, r *registry.Registry, ms []crashtest.Meter) {
			queue(t, r, first, 3)
			ms[0].Calls = append(ms[0].Calls, crashtest.Call{Acked: 1, Answers: 1})
		}, crashtest.Lost},
		{"an answer that was not sent", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Calls[0].Answers, ms[0].Calls[0].Acked = 0, 0
		}, crashtest.Unknown},
		{"another answer than before", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Calls[0].Answers, ms[0].Calls[0].Kept = 2, 2
		}, crashtest.Double},
		{"a call has another number", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Calls[0].Number += 7
		}, crashtest.HalfMade},
		{"a call came that is not kept as sent", func(t *testing.T, r *registry.Registry, ms []crashtest.Meter) {
			queue(t, r, first, 3)
			ms[0].Calls = append(ms[0].Calls, crashtest.Call{Seen: true})
		}, crashtest.Lost},
		{"a call came as another one", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Renumbered = true
		}, crashtest.Double},
		{"a call came after its answer", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Answered = true
		}, crashtest.Double},
		{"calls came out of order", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Overtaken = true
		}, crashtest.HalfMade},
		{"an outcome that should be another", func(_ *testing.T, _ *registry.Registry, ms []crashtest.Meter) {
			ms[0].Number, ms[5].Number = 5, 0 // the one with the wrong key
		}, crashtest.HalfMade},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			core, _, w := bare(t, crashtest.Chains())
			var log crashtest.Log
			must(t, w.Work(t.Context(), core.Devices, &log, 8, 2))
			must(t, core.Engine.Drain(t.Context()))
			meters := log.Snapshot(func() {})
			c.damage(t, core.Registry, meters)
			found, err := crashtest.Check(t.Context(), core.Registry, meters)
			must(t, err)
			if c.want == "" && len(found) > 0 || c.want != "" && found.Of(c.want) == 0 {
				t.Errorf("got %s, want %q\n%v", found.Verdict(), c.want, found)
			}
		})
	}
}

func device(t *testing.T, r *registry.Registry, name string) registry.Device {
	t.Helper()
	d, err := r.DeviceByName(t.Context(), name)
	must(t, err)
	return d
}

// queue makes a call to a device behind the log's back.
func queue(t *testing.T, r *registry.Registry, name string, k int) {
	t.Helper()
	_, err := r.QueueCall(t.Context(), registry.Call{
		Device: device(t, r, name).ID, Method: "work", Params: fmt.Appendf(nil, `{"call":%d}`, k), Expires: time.Now().Add(time.Hour),
	})
	must(t, err)
}

func save(t *testing.T, r *registry.Registry, name string, s registry.AttributeScope, key, value string) {
	t.Helper()
	_, err := r.SaveAttributes(t.Context(), device(t, r, name).ID, s, []registry.Attribute{{Key: key, Value: json.RawMessage(value)}})
	must(t, err)
}
