package server_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
)

// rises are by how much metrics go up, by name with labels.
type rises map[string]float64

// attack is something that somebody outside does who means no good, or does not know better.
type attack struct {
	name string
	want rises // exactly
	some []string
	// slow: the server gives the attacker time. Such an attack goes on beside all others, and what it makes rise, they do not.
	slow bool
	// run attacks once, and returns when the server has turned it away, or ctx has ended.
	run func(ctx context.Context, v *victim, from net.IP) error
}

const (
	refusedMQTT  = "gridtie_mqtt_connections_refused_total"
	closedMQTT   = "gridtie_mqtt_connections_closed_total"
	deniedMQTT   = "gridtie_mqtt_subscriptions_refused_total"
	refusedHTTP  = "gridtie_http_connections_refused_total"
	answeredHTTP = "gridtie_http_answers_total"
	refusedCoAP  = "gridtie_coap_requests_refused_total"
	refusedDTLS  = "gridtie_coap_dtls_refused_total"
	logins       = "gridtie_device_logins_total"
	badPayloads  = "gridtie_bad_payloads_total"
)

func why(metric, reason string) string { return fmt.Sprintf("%s{reason=%q}", metric, reason) }
func as(result string) string          { return fmt.Sprintf("%s{result=%q}", logins, result) }

func attacks() []attack {
	const timeout, times = "timeout", 8
	return []attack{
		{name: "slow bytes of a CONNECT", slow: true, run: slowConnect, want: rises{why(refusedMQTT, timeout): few}},
		{name: "slow bytes of an HTTP header", slow: true, run: slowHeader, want: rises{why(refusedHTTP, timeout): few}},
		{name: "half-open TLS: mqtts, for long", slow: true, run: halfOpenTLS("mqtts"), want: rises{why(refusedMQTT, timeout): few}},
		{name: "half-open TLS: https, for long", slow: true, run: halfOpenTLS("https"), want: rises{why(refusedHTTP, timeout): few}},
		{
			name: "half-open DTLS", slow: true, run: halfOpenDTLS,
			want: rises{why(refusedDTLS, "displaced"): halfOpen - 64, why(refusedDTLS, timeout): 64},
		},
		{
			name: "CoAP with a forged source", slow: true, run: forgedCoAP, some: []string{"gridtie_coap_withheld_total", "gridtie_coap_unacknowledged_total"},
			want: rises{"gridtie_coap_observations_total": few, why("gridtie_coap_observations_ended_total", "slow"): few},
		},
		{
			name: "connect flood: silence", run: silentFlood("mqtt"),
			want: rises{why(refusedMQTT, "half-open-address"): halfOpen - 64, why(refusedMQTT, "gone"): 64},
		},
		{
			name: "connect flood: half-open TLS", run: silentFlood("mqtts"),
			want: rises{why(refusedMQTT, "half-open-address"): halfOpen - 64, why(refusedMQTT, "gone"): 64},
		},
		{
			name: "connect flood: guessed tokens", run: guessedTokens,
			want: rises{why(refusedMQTT, "code"): 30, as("refused"): 10, as("throttled-address"): 20},
		},
		{name: "connect flood: HTTP", run: silentHTTP, want: rises{why(refusedHTTP, "gone"): times}},
		{name: "no TLS where it is spoken", run: plainHTTPS, want: rises{why(refusedHTTP, "malformed"): times}},
		{
			name: "256 MiB: a first packet", run: claimBefore,
			want: rises{why(refusedMQTT, "too-large"): times},
		},
		{
			name: "256 MiB: a packet of a device", run: claimAfter,
			want: rises{why(closedMQTT, "too-large"): times},
		},
		{
			name: "256 MiB: a body over HTTP", run: claimHTTP,
			want: rises{answeredHTTP + `{route="telemetry",status="413"}`: times},
		},
		{
			name: "256 MiB: a body over CoAP", run: claimCoAP,
			want: rises{why(refusedCoAP, "too-large"): 2 * times, why(refusedCoAP, "incomplete"): times},
		},
		{
			name: "wildcard subscriptions", run: wildcards,
			want: rises{why(deniedMQTT, "filter"): float64(len(foreignFilters()))},
		},
		{
			name: "take-over with a wrong password", run: takeOver,
			want: rises{why(refusedMQTT, "code"): 8, as("refused"): 5, as("throttled-name"): 3},
		},
		{
			name: "JSON, 10,000 deep", run: deepJSON,
			want: rises{
				why(badPayloads, "too_deep"): 5, why(closedMQTT, "verdict"): 2, `gridtie_coap_answers_total{code="4.00"}`: 1,
				answeredHTTP + `{route="telemetry",status="400"}`: 1, answeredHTTP + `{route="provision",status="400"}`: 1,
			},
		},
		{
			name: "65,535 levels", run: manyLevels,
			want: rises{why(closedMQTT, "too-large"): 2, why(deniedMQTT, "too-long"): 1},
		},
	}
}

const (
	few      = 3
	halfOpen = 100 // of one address; 64 are let
)

// victim is a server with devices that behave, and with some of the attackers' own.
type victim struct {
	*running
	t    testing.TB
	data string

	mu      sync.Mutex
	devices map[string]string // id by name
}

func newVictim(t testing.TB, clock func() time.Time) *victim {
	t.Helper()
	folder := t.TempDir()
	cert, key := certificate(t, folder, "gridtie.test")
	v := &victim{t: t, data: filepath.Join(folder, "data"), devices: map[string]string{}}
	local := "127.0.0.1:0"
	v.running = start(t, server.Options{
		Data: v.data, MQTTS: local, HTTP: local, HTTPS: local, CoAP: local, CoAPS: local,
		CertificateFile: cert, CertificateKeyFile: key, MaxConnections: 100_000, Clock: clock,
	})
	for _, name := range []string{"mqtt", "newcomer", "http", "coap", "attacker", "watched"} {
		v.add(name, registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(tokenOf(name))})
	}
	v.add("locked", registry.Credentials{
		Type: registry.MQTTBasic, ClientID: secret.NewText("locked"), UserName: secret.NewText("user"), Password: secret.NewText("right-password"),
	})
	return v
}

func tokenOf(device string) string { return "token-of-" + device }

func (v *victim) add(name string, c registry.Credentials) {
	v.t.Helper()
	d, _, err := v.Registry().AddDevice(v.t.Context(), registry.Device{Name: name, Profile: server.FirstProfile}, c)
	must(v.t, err)
	v.mu.Lock()
	defer v.mu.Unlock()
	v.devices[name] = d.ID
}

// share changes a shared attribute of a device.
func (v *victim) share(ctx context.Context, device, key, value string) error {
	_, err := v.Registry().SaveAttributes(ctx, v.devices[device], registry.SharedScope, []registry.Attribute{{Key: key, Value: []byte(value)}})
	return err
}

// elsewhere is the address that attack number n comes from: each has one of its own, as attackers have, so that what is
// counted by address does not depend on the other attacks.
func elsewhere(t testing.TB, n int) net.IP {
	t.Helper()
	at := net.IPv4(127, 0, 0, byte(n+2))
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: at})
	if err != nil {
		t.Skip("this machine has one address only, which would be blamed for the attacks")
	}
	must(t, l.Close())
	return at
}

// TestAbuse lets all attacks loose on one server. Devices that behave are served throughout, over MQTT, HTTP and CoAP, and
// also when they come anew; every refusal is counted for its reason; and nothing is left behind, in goroutines or memory. It
// runs alone, since it counts those of the whole process.
func TestAbuse(t *testing.T) {
	now := time.Now() // stands still, so that no try comes back to those who guess
	v := newVictim(t, func() time.Time { return now })
	before := usage()
	good := behave(t, v)
	began := v.scrape(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*limit)
	defer cancel()
	var slow sync.WaitGroup
	lasting := rises{}
	for n, a := range attacks() {
		from := elsewhere(t, n)
		if !a.slow {
			continue
		}
		for name, by := range a.want {
			lasting[name] += by
		}
		slow.Go(func() {
			if err := a.run(ctx, v, from); err != nil {
				t.Errorf("%s: %v", a.name, err)
			}
		})
	}
	for n, a := range attacks() {
		if a.slow {
			continue
		}
		t.Run(a.name, func(t *testing.T) {
			start := v.scrape(t)
			if err := a.run(ctx, v, elsewhere(t, n)); err != nil {
				t.Fatal(err)
			}
			v.wantRise(t, start, a.want, a.some)
		})
	}
	slow.Wait()
	t.Run("slow ones", func(t *testing.T) {
		v.wantRise(t, began, lasting, nil)
		for _, a := range attacks() {
			v.wantRise(t, began, nil, a.some)
		}
	})
	for kind, took := range good.stop() {
		slices.Sort(took)
		t.Logf("%8s: %5d served, median %v, 99 %% within %v", kind, len(took), took[len(took)/2], took[len(took)*99/100])
	}
	for _, name := range []string{"gridtie_mqtt_panics_total", "gridtie_coap_panics_total"} {
		if n := v.scrape(t)[name]; n != 0 {
			t.Errorf("%s: got %v, want none", name, n)
		}
	}
	before.wantBack(t)
}

// wantRise waits until the metrics have gone up by what they should, and needs them to stay there.
func (v *victim) wantRise(t *testing.T, from map[string]float64, want rises, some []string) {
	t.Helper()
	var got map[string]float64
	reached := func() bool {
		got = v.scrape(t)
		return !slices.ContainsFunc(slices.Collect(maps.Keys(want)), func(name string) bool { return got[name]-from[name] < want[name] }) &&
			!slices.ContainsFunc(some, func(name string) bool { return got[name] <= from[name] })
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); !reached() && time.Now().Before(end); {
		<-tick.C
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if rise := got[name] - from[name]; rise != want[name] {
			t.Errorf("%s rose by %v, want %v", name, rise, want[name])
		}
		if _, there := from[name]; !there {
			t.Errorf("%s was not there from the start", name)
		}
	}
	for _, name := range some {
		if got[name] <= from[name] {
			t.Errorf("%s did not rise", name)
		}
	}
}

// used is what the process holds.
type used struct {
	goroutines int
	heap, sys  uint64
}

func usage() used {
	runtime.GC()
	runtime.GC() // what finalizers and pools let go of
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return used{len(stacks()), m.HeapAlloc, m.Sys}
}

// stacks is where every goroutine is, but for the engine's workers: it has as many as there ever were messages at once.
func stacks() []string {
	b := make([]byte, 8<<20)
	all := strings.Split(string(b[:runtime.Stack(b, true)]), "\n\n")
	return slices.DeleteFunc(all, func(s string) bool { return strings.Contains(s, "engine.(*pool).work(") })
}

// wantBack needs goroutines to be gone, and the memory that is held to be what it was, but for what the store and the answers
// that may have to be given again take. No claim of 256 MiB may ever have been believed.
func (u used) wantBack(t *testing.T) {
	t.Helper()
	left := stacks()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(limit); len(left) > u.goroutines && time.Now().Before(end); left = stacks() {
		<-tick.C
	}
	if len(left) > u.goroutines {
		t.Errorf("got %d goroutines, want no more than %d:\n%s", len(left), u.goroutines, strings.Join(left, "\n\n"))
	}
	after := usage()
	t.Logf("goroutines %d → %d, heap %d → %d KiB, from the system %d → %d MiB", u.goroutines, after.goroutines,
		u.heap>>10, after.heap>>10, u.sys>>20, after.sys>>20)
	if after.heap > u.heap+32<<20 {
		t.Errorf("the heap grew by %d KiB, want less than 32 MiB", (after.heap-u.heap)>>10)
	}
	if after.sys > u.sys+192<<20 {
		t.Errorf("the process took %d MiB more of the system, want less than 192", (after.sys-u.sys)>>20)
	}
}

// BenchmarkBesideAbuse measures how long devices that behave wait for an acknowledgement, over MQTT, first alone and then
// while somebody attacks again and again from one other address. Both halves alternate, so that a machine that is busy is so
// for both.
func BenchmarkBesideAbuse(b *testing.B) {
	for n, a := range attacks() {
		b.Run(strings.ReplaceAll(a.name, " ", "-"), func(b *testing.B) {
			v, from := newVictim(b, nil), elsewhere(b, n)
			var took [2][]time.Duration
			for b.Loop() {
				for with := range took {
					took[with] = append(took[with], v.beside(b, a, from, with == 1)...)
				}
			}
			p99 := func(all []time.Duration) float64 {
				slices.SortFunc(all, cmp.Compare)
				return float64(all[len(all)*99/100]) / 1e6
			}
			alone, beside := p99(took[0]), p99(took[1])
			b.ReportMetric(alone, "p99-alone-ms")
			b.ReportMetric(beside, "p99-beside-ms")
			b.ReportMetric(beside/alone, "ratio")
		})
	}
}

// beside lets devices behave for half a second, and somebody attack meanwhile.
func (v *victim) beside(b *testing.B, a attack, from net.IP, with bool) []time.Duration {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Second/2)
	defer cancel()
	var attacking sync.WaitGroup
	if with {
		attacking.Go(func() {
			for ctx.Err() == nil {
				if err := a.run(ctx, v, from); err != nil && ctx.Err() == nil {
					b.Errorf("%s: %v", a.name, err)
					return
				}
			}
		})
	}
	good := behave(b, v)
	<-ctx.Done()
	took := good.stop()["mqtt"]
	attacking.Wait()
	return took
}
