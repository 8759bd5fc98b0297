package devices_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// office is a service in fake time.
type office struct {
	*devices.Service
	calls     *devices.Calls
	directory *directory
	submitter *submitter
}

func inOffice(t *testing.T, l devices.Limits, f func(t *testing.T, o *office)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o := &office{directory: newDirectory(), submitter: &submitter{}}
		o.calls = devices.NewCalls(o.directory)
		o.Service = devices.New(devices.Options{
			Registry: o.directory, Engine: o.submitter, Calls: o.calls, Limits: l,
			Intake: intake.New(intake.Options{Digest: secret.NewKey().Digest}),
		})
		defer o.Close()
		f(t, o)
	})
}

func (o *office) session(t *testing.T, name string) *devices.Session {
	t.Helper()
	o.directory.with(func(d *directory) { d.devices[name] = registry.Device{ID: name, Name: name, Profile: "meters"} })
	s, err := o.AuthenticateToken(t.Context(), netip.Addr{}, secret.NewText(name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// phone is a client that notes the calls it gets.
type phone struct {
	mu     sync.Mutex
	calls  []devices.CallRequest
	closed []devices.Reason
}

func (p *phone) SharedChanged(registry.SharedChange) {}

func (p *phone) Called(c devices.CallRequest) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls = append(p.calls, c)
}

func (p *phone) Close(why devices.Reason) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = append(p.closed, why)
}

// methods are those of the calls so far.
func (p *phone) methods() (text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.calls {
		text += c.Method + " "
	}
	return text
}

func (o *office) call(device string, c devices.Call) <-chan error {
	done := make(chan error, 1)
	go func() {
		_, err := o.Call(context.Background(), device, c)
		done <- err
	}()
	synctest.Wait()
	return done
}

func want(t *testing.T, what string, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %v, want %v", what, got, want)
	}
}

func TestOneCallAtATime(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		s, p := o.session(t, "m"), &phone{}
		if err := s.Open(t.Context(), p); err != nil {
			t.Fatal(err)
		}
		s.SubscribeCalls(true)
		first, second := o.call("m", devices.Call{Method: "a", OneWay: true}), o.call("m", devices.Call{Method: "b", OneWay: true})
		want(t, "before delivery", p.methods(), "a ")
		s.Delivered(1) // not that one
		synctest.Wait()
		want(t, "after another delivery", p.methods(), "a ")
		s.Delivered(0)
		synctest.Wait()
		want(t, "after delivery", p.methods(), "a b ")
		s.Delivered(1)
		want(t, "first", <-first, error(nil))
		want(t, "second", <-second, error(nil))
	})
}

// What a session took with it is sent to the next one, under the same id.
func TestCallFollowsTheDevice(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		done := o.call("m", devices.Call{Method: "a"}) // nobody knows the device
		want(t, "unknown", errors.Is(<-done, registry.ErrNotFound), true)
		s, p := o.session(t, "m"), &phone{}
		must(t, s.Open(t.Context(), p))
		s.SubscribeCalls(true)
		done = o.call("m", devices.Call{Method: "a", Timeout: time.Hour})
		want(t, "first session", p.methods(), "a ")
		s.Close()
		s.Delivered(0) // too late to count
		s2, p2 := o.session(t, "m"), &phone{}
		must(t, s2.Open(t.Context(), p2))
		s2.SubscribeCalls(true)
		synctest.Wait()
		want(t, "second session", p2.methods(), "a ")
		s2.Answer(t.Context(), 0, []byte("yes"), func(f engine.Fate) { want(t, "fate", f.State, engine.Done) })
		want(t, "result", <-done, error(nil))
	})
}

func TestCallTimesOut(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		s, p := o.session(t, "m"), &phone{}
		begin := time.Now()
		want(t, "nobody there", errors.Is(<-o.call("m", devices.Call{Method: "a"}), devices.ErrNotConnected), true)
		want(t, "after", time.Since(begin), 10*time.Second)
		must(t, s.Open(t.Context(), p))
		s.SubscribeCalls(true)
		done := o.call("m", devices.Call{Method: "b", Timeout: 35 * time.Second, Retries: 1})
		want(t, "unacknowledged", errors.Is(<-done, devices.ErrNoAnswer), true)
		want(t, "sent", p.methods(), "b b ") // once more after ten seconds, given up after twenty
		want(t, "after", time.Since(begin), 30*time.Second)
		done = o.call("m", devices.Call{Method: "c"})
		s.Delivered(1)
		want(t, "unanswered", errors.Is(<-done, devices.ErrNoAnswer), true)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := o.Call(ctx, "m", devices.Call{Method: "d"})
		want(t, "impatient", errors.Is(err, context.DeadlineExceeded), true)
	})
}

func TestTooManyCalls(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		o.session(t, "m")
		for range registry.MaxOpenCalls {
			o.call("m", devices.Call{Method: "a", Timeout: time.Minute})
		}
		want(t, "one more", errors.Is(<-o.call("m", devices.Call{Method: "a"}), registry.ErrInUse), true)
		for _, bad := range []devices.Call{{}, {Method: "a\n"}, {Method: "a", Params: json.RawMessage(`{`)}} {
			want(t, "no call", errors.Is(<-o.call("m", bad), registry.ErrInvalid), true)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		o.directory.gone("m")
	})
}

func TestDeviceGoneEndsCalls(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		o.session(t, "m")
		done := o.call("m", devices.Call{Method: "a"})
		o.directory.gone("m")
		want(t, "result", errors.Is(<-done, registry.ErrNotFound), true)
		closed := o.call("m", devices.Call{Method: "a"})
		o.Close()
		want(t, "closed", errors.Is(<-closed, devices.ErrClosed), true)
		want(t, "after", errors.Is(<-o.call("m", devices.Call{Method: "a"}), devices.ErrClosed), true)
	})
}

func TestKeptCallExpires(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		o.session(t, "m")
		a, err := o.Call(t.Context(), "m", devices.Call{Method: "a", Persistent: true, Timeout: time.Minute})
		must(t, err)
		synctest.Wait()
		o.directory.with(func(d *directory) { want(t, "before", d.kept[0].Status, registry.CallQueued) })
		time.Sleep(time.Minute)
		synctest.Wait()
		o.directory.mu.Lock()
		defer o.directory.mu.Unlock()
		want(t, "after", o.directory.kept[0].Status, registry.CallExpired)
		want(t, "id", a.ID, o.directory.kept[0].ID)
		events := o.submitter.events
		want(t, "event", events[len(events)-1].Type(), "RPC_EXPIRED")
	})
}

// The answer to a kept call is acknowledged when chains and registry have it, and not if they could not take it.
func TestKeptAnswer(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		s, p := o.session(t, "m"), &phone{}
		must(t, s.Open(t.Context(), p))
		s.SubscribeCalls(true)
		_, err := o.Call(t.Context(), "m", devices.Call{Method: "a", Persistent: true})
		must(t, err)
		synctest.Wait()
		s.Delivered(0)
		synctest.Wait()
		var told []engine.State
		answer := func() {
			s.Answer(t.Context(), 0, []byte("no JSON"), func(f engine.Fate) { told = append(told, f.State) })
			synctest.Wait()
		}
		o.directory.with(func(d *directory) { d.err = errors.New("broken") })
		answer()
		o.directory.with(func(d *directory) { d.err = nil })
		answer()
		answer() // nobody waits any more
		if !slices.Equal(told, []engine.State{engine.Abandoned, engine.Done, engine.Done}) {
			t.Errorf("fates: got %v, want abandoned, done, done", told)
		}
		o.directory.mu.Lock()
		defer o.directory.mu.Unlock()
		want(t, "response", string(o.directory.kept[0].Response), `"no JSON"`)
		want(t, "status", o.directory.kept[0].Status, registry.CallSuccessful)
	})
}

func TestCallsOfChains(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		s, p := o.session(t, "m"), &phone{}
		must(t, s.Attach(t.Context(), p))
		s.SubscribeCalls(true)
		must(t, o.calls.Send(t.Context(), registry.Call{Device: "m", Method: "a", Params: json.RawMessage(`1`), Expires: time.Now().Add(time.Minute)}, false))
		synctest.Wait()
		s.Delivered(0)
		must(t, o.calls.Send(t.Context(), registry.Call{Device: "m", Method: "b", Params: json.RawMessage(`1`), Expires: time.Now().Add(time.Minute)}, true))
		synctest.Wait()
		want(t, "calls", p.methods(), "a b ")
		want(t, "no call", errors.Is(o.calls.Send(t.Context(), registry.Call{Device: "m"}, false), registry.ErrInvalid), true)
		s.Close()
	})
}

func TestPolls(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		s := o.session(t, "m")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := s.NextCall(ctx)
		want(t, "nothing comes", errors.Is(err, context.DeadlineExceeded), true)

		go func() {
			time.Sleep(time.Second)
			o.directory.changed(registry.SharedChange{Device: "m", Deleted: []string{"a"}})
			o.directory.changed(registry.SharedChange{Device: "m", Deleted: []string{"b"}})
		}()
		change, err := o.session(t, "m").NextChange(t.Context())
		must(t, err)
		want(t, "change", change.Deleted[0], "a")

		first, second := o.call("m", devices.Call{Method: "a", OneWay: true}), o.call("m", devices.Call{Method: "b"})
		for i, method := range []string{"a", "b"} {
			c, err := o.session(t, "m").NextCall(t.Context())
			must(t, err)
			want(t, "method", c.Method, method)
			want(t, "id", c.ID, int32(i))
		}
		want(t, "one-way", <-first, error(nil))
		o.session(t, "m").Answer(t.Context(), 1, []byte(`1`), func(engine.Fate) {})
		want(t, "two-way", <-second, error(nil))

		go func() {
			time.Sleep(time.Second)
			o.directory.gone("m")
		}()
		_, err = o.session(t, "m").NextCall(t.Context())
		want(t, "gone", errors.Is(err, devices.ErrGone), true)
	})
}

func TestCredentialsChange(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		s, late, p := o.session(t, "m"), o.session(t, "m"), &phone{}
		must(t, s.Open(t.Context(), p))
		o.directory.with(func(d *directory) {
			d.devices["m"] = registry.Device{ID: "m", Name: "m", Profile: "meters", CredentialsVersion: 1}
		})
		o.directory.revoked("m")
		want(t, "told", len(p.closed) == 1 && p.closed[0] == devices.Revoked, true)
		want(t, "late", errors.Is(late.Open(t.Context(), &phone{}), devices.ErrGone), true)
		p2 := &phone{}
		now, err := o.AuthenticateToken(t.Context(), netip.Addr{}, secret.NewText("m"))
		must(t, err)
		must(t, now.Attach(t.Context(), p2))
		o.directory.revoked("m") // the hook comes after the new login
		want(t, "with the new ones", len(p2.closed), 0)
		now.Close()
	})
}

func TestRequests(t *testing.T) {
	inOffice(t, devices.Limits{Requests: 2}, func(t *testing.T, o *office) {
		s := o.session(t, "m")
		replies := make(chan string, 10)
		ask := func(id int32) error {
			return s.Ask(t.Context(), devices.Request{ID: id, Method: "m"}, func(engine.Fate) {}, func(b []byte) { replies <- string(b) })
		}
		must(t, ask(1))
		must(t, ask(1)) // in the place of the first
		must(t, ask(2))
		want(t, "a third", errors.Is(ask(3), devices.ErrTooManyRequests), true)
		m := o.submitter.messages[0]
		session, _ := m.Meta("sessionId")
		must(t, o.calls.Reply(t.Context(), "other", session, "1", []byte("stolen")))
		must(t, o.calls.Reply(t.Context(), "m", session, "1", []byte("one")))
		must(t, o.calls.Reply(t.Context(), "m", session, "1", []byte("twice")))
		want(t, "reply", <-replies, "one")
		time.Sleep(time.Minute)
		want(t, "late", <-replies, devices.TimeoutReply)
		must(t, ask(4))
		o.submitter.done[len(o.submitter.done)-1](engine.Fate{State: engine.Abandoned})
		must(t, ask(5))
		s.Close()
		time.Sleep(time.Hour)
		synctest.Wait()
		want(t, "replies to nobody", len(replies), 0)
	})
}

func TestInactivity(t *testing.T) {
	inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
		types := func() (text string) {
			o.submitter.mu.Lock()
			defer o.submitter.mu.Unlock()
			for _, m := range o.submitter.events {
				text += m.Origin().ID + " " + m.Type() + ", "
			}
			o.submitter.events = nil
			return text
		}
		post := func(s *devices.Session) {
			must(t, s.PostAttributes(t.Context(), []byte(`{"a":1}`), func(engine.Fate) {}))
		}
		s := o.session(t, "m")
		post(s)
		post(s)
		want(t, "posted", types(), "m ACTIVITY_EVENT, ")
		time.Sleep(9 * time.Minute)
		post(s)
		time.Sleep(9 * time.Minute)
		synctest.Wait()
		want(t, "a while later", types(), "")
		time.Sleep(2*time.Minute + time.Second)
		synctest.Wait()
		want(t, "silent", types(), "m INACTIVITY_EVENT, ")
		post(s)
		want(t, "back", types(), "m ACTIVITY_EVENT, ")

		// A connection counts, however silent; its own timeout, too.
		o.directory.with(func(d *directory) {
			d.attributes = map[registry.AttributeScope][]registry.Attribute{
				registry.ServerScope: {{Key: "inactivityTimeout", Value: json.RawMessage(`60000`)}},
			}
		})
		c := o.session(t, "n")
		must(t, c.Open(t.Context(), &phone{}))
		time.Sleep(time.Hour)
		synctest.Wait()
		want(t, "connected", types(), "n CONNECT_EVENT, n ACTIVITY_EVENT, m INACTIVITY_EVENT, ")
		c.Close()
		time.Sleep(3 * time.Minute)
		synctest.Wait()
		want(t, "ended", types(), "n DISCONNECT_EVENT, n INACTIVITY_EVENT, ")

		// After a restart.
		o.directory.with(func(d *directory) { d.activity["m"] = registry.Activity{Device: "m", Active: time.Now()} })
		o.Resume()
		time.Sleep(11 * time.Minute)
		synctest.Wait()
		want(t, "never came back", types(), "m INACTIVITY_EVENT, ")
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
