package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/internal/server"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is a server on free ports, stopped at the end of the test.
type running struct {
	*server.Server
	stop func() error
}

func start(t testing.TB, o server.Options) *running {
	t.Helper()
	return run(t, opened(t, o))
}

func opened(t testing.TB, o server.Options) *server.Server {
	t.Helper()
	if o.Data == "" {
		o.Data = filepath.Join(t.TempDir(), "data")
	}
	o.MQTT, o.Admin, o.Version = "127.0.0.1:0", "127.0.0.1:0", "test"
	o.Store = databaseOf(t, o)
	s, err := server.Open(t.Context(), o)
	must(t, err)
	return s
}

func run(t testing.TB, s *server.Server) *running {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	var err error
	stopped := false
	r := &running{Server: s, stop: func() error {
		if !stopped {
			cancel()
			err, stopped = <-ended, true
		}
		return err
	}}
	t.Cleanup(func() { _ = r.stop() })
	return r
}

func (r *running) get(t testing.TB, path string) (int, string) {
	t.Helper()
	c := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := c.Get("http://" + r.Addresses()["admin"] + path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// scrape is every metric, by its name with its labels.
func (r *running) scrape(t testing.TB) map[string]float64 {
	t.Helper()
	_, body := r.get(t, "/metrics")
	v := map[string]float64{}
	for line := range strings.Lines(body) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		v[name], _ = strconv.ParseFloat(value, 64)
	}
	return v
}

func attributes(id, device string) *engine.Message {
	return engine.NewMessage(engine.Header{
		ID: id, Type: "POST_ATTRIBUTES_REQUEST", Time: time.Now(), Origin: engine.Origin{Type: "DEVICE", ID: device, Name: device},
	}, engine.NewData(`{"volts":230}`))
}

func TestStartAndStop(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "data")
	for _, fresh := range []bool{true, false} {
		s := start(t, server.Options{Data: data})
		if s.Fresh() != fresh {
			t.Errorf("fresh: got %v, want %v", s.Fresh(), fresh)
		}
		var told map[string]string
		text, err := os.ReadFile(filepath.Join(data, "addresses.json"))
		if err != nil || json.Unmarshal(text, &told) != nil || told["mqtt"] != s.Addresses()["mqtt"] {
			t.Errorf("addresses.json: got %q, %v; want %v", text, err, s.Addresses())
		}
		if _, err := server.Open(t.Context(), server.Options{Data: data}); !errors.Is(err, folder.ErrLocked) {
			t.Errorf("second server on the folder: got %v, want %v", err, folder.ErrLocked)
		}
		if code, body := s.get(t, "/readyz"); code != 200 {
			t.Errorf("/readyz: got %d %s", code, body)
		}
		if err := s.stop(); err != nil {
			t.Fatal(err)
		}
		left, err := filepath.Glob(filepath.Join(data, "a*"))
		if err != nil || len(left) != 0 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func TestAddressInUse(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{})
	_, err := server.Open(t.Context(), server.Options{Data: t.TempDir(), MQTT: s.Addresses()["mqtt"]})
	var address *server.AddressError
	if !errors.As(err, &address) || address.Flag != "mqtt" {
		t.Errorf("got %v, want an AddressError of mqtt", err)
	}
}

// TestFailedFlush: once the disk refuses a flush, nothing is acknowledged, the server is not ready, and it ends.
func TestFailedFlush(t *testing.T) {
	t.Parallel()
	var broken atomic.Bool
	fs := errorfs.Wrap(vfs.Default, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if broken.Load() && strings.HasSuffix(op.Path, ".log") {
			return errors.New("input/output error")
		}
		return nil
	}))
	s := start(t, server.Options{FS: fs})
	broken.Store(true)
	fates := make(chan engine.Fate, 1)
	// Its device does not exist, so that it is dead-lettered: that is a write, too.
	if err := s.Engine().Submit(t.Context(), attributes("m1", "nobody"), func(f engine.Fate) { fates <- f }); err != nil {
		t.Fatal(err)
	}
	if f := <-fates; f.State != engine.Abandoned {
		t.Errorf("fate: got %s, want abandoned", f.State)
	}
	if st := s.Status(); st.Ready || len(st.Problems) == 0 {
		t.Errorf("status: got ready %v, problems %q", st.Ready, st.Problems)
	}
	err := s.stop()
	var failed *server.StoreError
	if !errors.As(err, &failed) {
		t.Errorf("Run: got %v, want a StoreError", err)
	}
}

// TestMessagesAddUp: at any scrape, messages in are those done, dead-lettered, abandoned and in flight.
func TestMessagesAddUp(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{})
	const messages = 300
	fates := make(chan struct{}, messages)
	go func() {
		for i := range messages {
			m := attributes(fmt.Sprint("m", i), fmt.Sprint("device-", i%7))
			if s.Engine().Submit(context.Background(), m, func(engine.Fate) { fates <- struct{}{} }) != nil {
				fates <- struct{}{}
			}
		}
	}()
	check := func() {
		v := s.scrape(t)
		in := v["gridtie_messages_in_total"]
		out := v["gridtie_messages_done_total"] + v["gridtie_messages_dead_lettered_total"] +
			v["gridtie_messages_abandoned_total"] + v["gridtie_messages_in_flight"]
		if in != out {
			t.Errorf("messages: %v in, %v accounted for", in, out)
		}
	}
	for range messages {
		select {
		case <-fates:
		default:
			check()
			<-fates
		}
	}
	check()
}

func TestBadChainsDoNotStart(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "root.json"), []byte(`{"ruleChain": {}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := server.Open(t.Context(), server.Options{Data: t.TempDir(), Chains: dir})
	var chains *server.ChainsError
	if !errors.As(err, &chains) || !server.Misconfigured(err) || len(chains.Findings) == 0 {
		t.Errorf("got %v, want a ChainsError", err)
	}
}
