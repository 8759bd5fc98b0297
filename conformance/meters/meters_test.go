package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreTopFunction("net/http.(*persistConn).writeLoop"),
		goleak.IgnoreTopFunction("internal/poll.runtime_pollWait")) // the default client keeps connections
}

// A whole run, against the real binary: few meters, but all they do.
func TestMetersAttach(t *testing.T) {
	if testing.Short() {
		t.Skip("builds and starts the server")
	}
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "gridtie") // built once for all
	build := exec.Command("go", "build", "-o", binary, "github.com/gridtie/gridtie/cmd/gridtie")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is shipped; the race detector's tests need C, the program does not
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("building the server: %v: %s", err, text)
	}
	tests := []struct {
		name string
		args []string
	}{
		{"closed loop", []string{"--meters", "40", "--connections", "8"}},
		{"open loop", []string{"--meters", "40", "--rate", "200"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out, talk bytes.Buffer
			code := run(t.Context(), append(tt.args, "--json", "--gridtie", binary, "--dir", t.TempDir()), func(string) string { return "" }, &out, &talk)
			if code != 0 {
				t.Fatalf("exit code: got %d, want 0; %s", code, talk.String())
			}
			var r struct {
				Meters, Failed, Attached, Asked int
				Whole                           struct{ P50, P99 float64 }
				Server                          []struct{ RSS float64 }
			}
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatal(err)
			}
			if r.Meters != 40 || r.Failed != 0 || r.Attached != 40 || r.Asked != 40 || r.Whole.P50 <= 0 || r.Whole.P99 < r.Whole.P50 {
				t.Errorf("report: got %+v, want 40 meters, all attached", r)
			}
			if len(r.Server) < 2 || r.Server[0].RSS <= 0 {
				t.Errorf("samples of the server: got %+v, want two at least", r.Server)
			}
		})
	}
}

func TestWrongCallsEndWith2(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		want string
	}{
		{"unknown flag", []string{"--nonsense"}, "nonsense"},
		{"no meters", []string{"--meters", "0"}, "--help"},
		{"a word too many", []string{"now"}, "--help"},
		{"no secrets", []string{"--server", "127.0.0.1:1"}, "METERS_PROVISION_KEY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var talk bytes.Buffer
			code := run(t.Context(), tt.args, func(string) string { return "" }, io.Discard, &talk)
			if code != 2 || !strings.Contains(talk.String(), tt.want) {
				t.Errorf("got %d, %q, want 2 and %q", code, talk.String(), tt.want)
			}
		})
	}
}

func TestCredentials(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, answer, token, problem string }{
		{name: "a token", answer: `{"credentialsValue":"abc","credentialsType":"ACCESS_TOKEN","status":"SUCCESS"}`, token: "abc"},
		{name: "refused", answer: `{"errorMsg":"x","status":"NOT_FOUND"}`, problem: "NOT_FOUND"},
		{name: "no JSON", answer: `x`, problem: "not the JSON"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token, err := credentials([]byte(tt.answer))
			if token != tt.token || (err == nil) != (tt.problem == "") || err != nil && !strings.Contains(err.Error(), tt.problem) {
				t.Errorf("got %q, %v, want %q, %q", token, err, tt.token, tt.problem)
			}
		})
	}
}

func TestWatchCountsFromItsBeginning(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	cpu := 100.0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b, _ := json.Marshal(cpu)
		_, _ = w.Write([]byte("# HELP x y\nprocess_cpu_seconds_total " + string(b) + "\nprocess_resident_memory_bytes 4096\n"))
		cpu += 2
		stop()
	}))
	defer s.Close()
	samples, err := watch(ctx, s.URL, scrapeEvery, func() int64 { return 7 })
	if err != nil || len(samples) != 2 {
		t.Fatalf("got %v, %v, want two samples", samples, err)
	}
	if a, b := samples[0], samples[1]; a.CPU != 0 || b.CPU != 2 || b.RSS != 4096 || b.Meters != 7 {
		t.Errorf("got %+v and %+v, want CPU 0 and 2, RSS 4096, 7 meters", a, b)
	}
}
