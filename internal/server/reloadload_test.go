package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
)

const (
	meters  = 20   // connected at once
	pace    = 1500 // messages that all meters together send a second, if the machine is able to
	edits   = 50   // good ones, and as many bad ones
	blocks  = 10   // of edits, with as many quiet times between them, so that a machine that is busy is so for both
	quietly = 300  // messages in each of those
)

// TestChainsChangeUnderLoad edits a chain file, well and badly in turn, while meters send over MQTT: every good edit
// becomes a revision, every bad one a report with line and hint; the figures add up at every scrape; every message is
// acknowledged, and none is dead-lettered or abandoned. It prints what the edits cost.
func TestChainsChangeUnderLoad(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "chains")
	must(t, os.Mkdir(dir, 0o700))
	var root string
	for _, f := range chains.Files() {
		name := filepath.Base(f.Name)
		write(t, filepath.Join(dir, name), string(f.Text))
		if name == "root.json" {
			root = string(f.Text)
		}
	}
	s := start(t, server.Options{Chains: dir, ChainsSettle: 5 * time.Millisecond})
	load := startLoad(t, s)
	scrapes := watchBalance(t, s)
	e := &editor{server: s, file: filepath.Join(dir, "root.json"), good: root, revisions: map[string]bool{}, reports: map[string]bool{}}
	first := s.Status().Chains.Revision
	var alone, edited times
	for block := range blocks {
		sent := load.sent.Load()
		eventually(t, "messages without an edit", func() bool { return load.sent.Load() >= sent+quietly })
		load.mark(&alone)
		e.edit(t, block*edits/blocks, (block+1)*edits/blocks)
		load.mark(&edited)
	}
	revisions, reports := e.revisions, e.reports
	if revisions[first] {
		t.Errorf("the first revision came back")
	}
	load.stop(t)
	seen := scrapes()

	if len(revisions) != edits || len(reports) != edits {
		t.Errorf("got %d new revisions and %d reports, want %d of each", len(revisions), len(reports), edits)
	}
	var v map[string]float64
	eventually(t, "every message has its fate", func() bool { // those of the disconnections come last
		_, metrics := s.get(t, "/metrics")
		v = figures(metrics)
		return v["gridtie_messages_in_flight"] == 0
	})
	if v[`gridtie_chain_reloads_total{result="swapped"}`] != edits || v[`gridtie_chain_reloads_total{result="refused"}`] != edits {
		t.Errorf("reloads counted: got %v swapped, %v refused", v[`gridtie_chain_reloads_total{result="swapped"}`],
			v[`gridtie_chain_reloads_total{result="refused"}`])
	}
	if v["gridtie_messages_dead_lettered_total"] != 0 || v["gridtie_messages_abandoned_total"] != 0 || v["gridtie_nodes_stuck"] != 0 {
		t.Errorf("got %v dead-lettered, %v abandoned, %v stuck", v["gridtie_messages_dead_lettered_total"],
			v["gridtie_messages_abandoned_total"], v["gridtie_nodes_stuck"])
	}
	if in, sent := v["gridtie_messages_in_total"], float64(load.sent.Load()); in < sent || v["gridtie_messages_done_total"] != in {
		t.Errorf("messages: %v sent, %v in, %v done", sent, in, v["gridtie_messages_done_total"])
	}
	t.Logf("%d messages, %d scrapes; without edits %s; with %d edits %s: p99 %.2f times that without", load.sent.Load(), seen,
		&alone, 2*edits, &edited, float64(edited.at(.99))/float64(max(alone.at(.99), 1)))
	must(t, s.stop())
}

// editor edits a chain file and keeps the new revisions, and the first finding of each report.
type editor struct {
	server             *running
	file, good         string
	revisions, reports map[string]bool
}

// edit makes the edits from one number to another: each a good one, and a bad one behind it.
func (e *editor) edit(t *testing.T, from, to int) {
	t.Helper()
	s, file, good, revisions, reports := e.server, e.file, e.good, e.revisions, e.reports
	bad := []func(text string) string{
		func(text string) string {
			return strings.Replace(text, `"type": "Post telemetry"`, `"type": "Post telemetri"`, 1)
		},
		func(text string) string {
			return strings.Replace(text, "action.save-timeseries", "action.save-timeserie", 1)
		},
		func(text string) string { return strings.Replace(text, "present(msg.cups)", "present(msgs.cups)", 1) },
		func(text string) string { return strings.Replace(text, `"scope"`, `"scoop"`, 1) },
		func(text string) string { return strings.Replace(text, `"to": "attach"`, `"to": "atach"`, 1) },
	}
	for n := from; n < to; n++ {
		before := s.Status().Chains.Revision
		text := strings.Replace(good, `"name": "What every`, fmt.Sprintf(`"name": "Edit %d: what every`, n), 1)
		replace(t, file, text)
		eventually(t, fmt.Sprintf("revision of edit %d", n), func() bool {
			c := s.Status().Chains
			return c.Revision != before && c.Refused == nil
		})
		now := s.Status().Chains.Revision
		revisions[now] = true

		// So many lines further down, so that each report is one of its own.
		replace(t, file, strings.Repeat("\n", n)+bad[n%len(bad)](text))
		eventually(t, fmt.Sprintf("report of bad edit %d", n), func() bool { return s.Status().Chains.Refused != nil })
		st := s.Status()
		f := st.Chains.Refused.Findings[0]
		if filepath.Base(f.File) != "root.json" || f.Line <= n || f.Pointer == "" || f.Hint == "" {
			t.Errorf("bad edit %d: got %+v, want line, pointer and hint", n, f)
		}
		reports[f.String()] = true
		if st.Chains.Revision != now || !st.Ready {
			t.Errorf("bad edit %d: revision %s, ready %v, want %s and ready", n, st.Chains.Revision, st.Ready, now)
		}
	}
}

// replace renames a new file over an old one, so that nobody sees half of it: each edit is one change.
func replace(t *testing.T, file, text string) {
	t.Helper()
	write(t, file+".new", text)
	must(t, os.Rename(file+".new", file))
}

// figures reads a scrape.
func figures(body string) map[string]float64 {
	v := map[string]float64{}
	for line := range strings.Lines(body) {
		if at := strings.LastIndexByte(strings.TrimSpace(line), ' '); at > 0 && line[0] != '#' {
			v[line[:at]], _ = strconv.ParseFloat(strings.TrimSpace(line[at:]), 64)
		}
	}
	return v
}

// watchBalance scrapes until the function it returns is called, which tells how often it did.
func watchBalance(t *testing.T, s *running) func() int {
	t.Helper()
	var scrapes atomic.Int64
	stop := make(chan struct{})
	var w sync.WaitGroup
	w.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			_, body := s.get(t, "/metrics")
			v := figures(body)
			in := v["gridtie_messages_in_total"]
			out := v["gridtie_messages_done_total"] + v["gridtie_messages_dead_lettered_total"] +
				v["gridtie_messages_abandoned_total"] + v["gridtie_messages_in_flight"]
			if in != out {
				t.Errorf("scrape %d: %v in, %v accounted for", scrapes.Load(), in, out)
			}
			scrapes.Add(1)
		}
	})
	return func() int {
		close(stop)
		w.Wait()
		return int(scrapes.Load())
	}
}

// load is meters that send attributes, each message with a number one higher than the one before.
type load struct {
	server  *running
	sent    atomic.Int64
	ending  chan struct{}
	senders sync.WaitGroup
	devices []string
	last    [meters]int

	mu    sync.Mutex // protects what follows: since the last mark
	since time.Time
	took  []time.Duration // from message to acknowledgement
}

func startLoad(t *testing.T, s *running) *load {
	t.Helper()
	l := &load{server: s, ending: make(chan struct{}), since: time.Now()}
	for n := range meters {
		name, token := fmt.Sprint("meter-", n), fmt.Sprint("token-of-meter-", n)
		d, _, err := s.Registry().AddDevice(t.Context(), registry.Device{Name: name, Profile: server.FirstProfile},
			registry.Credentials{Type: registry.AccessToken, Token: secret.NewText(token)})
		must(t, err)
		l.devices = append(l.devices, d.ID)
		c := paho.NewClient(paho.NewClientOptions().AddBroker("tcp://" + s.Addresses()["mqtt"]).SetUsername(token).
			SetProtocolVersion(4).SetAutoReconnect(false).SetConnectTimeout(limit))
		if k := c.Connect(); !k.WaitTimeout(limit) || k.Error() != nil {
			t.Fatalf("connecting %s: %v", name, k.Error())
		}
		l.senders.Go(func() {
			defer c.Disconnect(100)
			l.send(t, c, &l.last[n])
		})
	}
	return l
}

// send keeps the pace, also where the server lags behind by some messages, and times each of them.
func (l *load) send(t *testing.T, c paho.Client, last *int) {
	type message struct {
		paho.Token
		at time.Time
	}
	under := make(chan message, 50)
	var acks sync.WaitGroup
	defer acks.Wait()
	defer close(under)
	acks.Go(func() {
		for m := range under {
			if !m.WaitTimeout(limit) || m.Error() != nil {
				t.Errorf("a message was not acknowledged: %v", m.Error())
				continue
			}
			l.mu.Lock()
			l.took = append(l.took, time.Since(m.at))
			l.mu.Unlock()
		}
	})
	tick := time.NewTicker(meters * time.Second / pace)
	defer tick.Stop()
	for {
		select {
		case <-l.ending:
			return
		case <-tick.C:
		}
		*last++
		l.sent.Add(1)
		at := time.Now()
		under <- message{c.Publish("v1/devices/me/attributes", 1, false, fmt.Sprintf(`{"n":%d}`, *last)), at}
	}
}

// times is how long messages took, over several stretches.
type times struct {
	took    []time.Duration
	elapsed time.Duration
}

// mark adds what was since the last mark.
func (l *load) mark(to *times) {
	l.mu.Lock()
	defer l.mu.Unlock()
	to.took = append(to.took, l.took...)
	to.elapsed += time.Since(l.since)
	l.took, l.since = nil, time.Now()
}

func (x *times) at(p float64) time.Duration {
	if len(x.took) == 0 {
		return 0
	}
	slices.Sort(x.took)
	return x.took[int(p*float64(len(x.took)-1))].Round(10 * time.Microsecond)
}

func (x *times) String() string {
	return fmt.Sprintf("%.0f messages/s, p50 %v, p99 %v", float64(len(x.took))/x.elapsed.Seconds(), x.at(.5), x.at(.99))
}

// stop waits for every acknowledgement, and looks whether the last message of each meter is what is known of it.
func (l *load) stop(t *testing.T) {
	t.Helper()
	close(l.ending)
	l.senders.Wait()
	for n, id := range l.devices {
		kept, err := l.server.Registry().Attributes(context.Background(), id, registry.ClientScope, "n")
		must(t, err)
		var got int
		if len(kept) != 1 || json.Unmarshal(kept[0].Value, &got) != nil || got != l.last[n] {
			t.Errorf("meter %d: got %+v, want %d", n, kept, l.last[n])
		}
	}
}
