package devices_test

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// TestAnsweredCallDoesNotComeAgain: after a restart a device answers a call, and asks for calls before the answer is noted.
func TestAnsweredCallDoesNotComeAgain(t *testing.T) {
	for name, fate := range map[string]engine.State{"noted": engine.Done, "not noted after all": engine.Abandoned} {
		t.Run(name, func(t *testing.T) {
			inOffice(t, devices.Limits{}, func(t *testing.T, o *office) {
				s, p := o.session(t, "m"), &phone{}
				zero := int32(0)
				o.directory.with(func(d *directory) {
					d.kept = append(d.kept, registry.Call{
						ID: "c", Device: "m", Method: "a", Params: json.RawMessage(`{}`), Status: registry.CallSent, Number: &zero,
						Expires: time.Now().Add(time.Hour),
					})
				})
				if err := s.Open(t.Context(), p); err != nil {
					t.Fatal(err)
				}
				o.submitter.mu.Lock()
				o.submitter.holding = true
				o.submitter.mu.Unlock()
				var answered []engine.State
				s.Answer(t.Context(), 0, []byte(`{}`), func(f engine.Fate) { answered = append(answered, f.State) })
				synctest.Wait()
				s.SubscribeCalls(true)
				synctest.Wait()
				want(t, "before the answer is noted", p.methods(), "")
				o.submitter.held[0](engine.Fate{State: fate})
				synctest.Wait()
				want(t, "fates", len(answered) == 1 && answered[0] == fate, true)
				s.SubscribeCalls(true)
				synctest.Wait()
				want(t, "afterwards", p.methods(), "")
			})
		})
	}
}
