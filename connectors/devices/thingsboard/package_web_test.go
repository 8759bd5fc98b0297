package thingsboard_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/web"
	"github.com/gridtie/gridtie/registry"
)

const firmwareOne = "/api/v1/T/firmware?title=meter&version=1"

func TestHTTPLoadsPackages(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.device("meters", "meter-1", token("T"))
	none := func(what string) string { return `{"status":404,"message":"no ` + what + ` is assigned"}` + "\n" }
	w.want("GET", firmwareOne, "", http.StatusNotFound, none("firmware"))
	w.pkg(registry.Firmware, "1", ten)
	other := `{"status":400,"message":"another firmware is assigned"}` + "\n"
	unsaid := `{"status":400,"message":"title and version are needed, and size and chunk are whole numbers"}` + "\n"
	for _, c := range []struct {
		query  string
		status int
		want   string
	}{
		{"title=meter&version=1", 200, ten},
		{"title=meter&version=1&size=0&chunk=0", 200, ten},
		{"title=meter&version=1&size=4", 200, "0123"},
		{"title=meter&version=1&size=4&chunk=1", 200, "4567"},
		{"title=meter&version=1&size=4&chunk=2", 200, "89"},
		{"title=meter&version=1&size=4&chunk=3", 200, ""},
		{"title=meter&version=1&size=2147483647&chunk=2147483647", 200, ""},
		{"title=meter&version=2", 400, other},
		{"title=METER&version=1", 400, other},
		{"title=meter", 400, unsaid},
		{"version=1", 400, unsaid},
		{"", 400, unsaid},
		{"title=meter&version=1&size=-1", 400, unsaid},
		{"title=meter&version=1&chunk=x", 400, unsaid},
		{"title=meter&version=1&size=2147483648", 400, unsaid},
	} {
		w.want("GET", "/api/v1/T/firmware?"+c.query, "", c.status, c.want)
	}
	w.want("GET", "/api/v1/T/software?title=meter&version=1", "", http.StatusNotFound, none("software"))
	w.pkg(registry.Software, "1", "abc")
	w.want("GET", "/api/v1/T/software?title=meter&version=1", "", http.StatusOK, "abc")
	w.want("GET", "/api/v1/nobody/firmware?title=meter&version=1", "", http.StatusUnauthorized, "")
	if status, _ := w.do("POST", firmwareOne, ""); status != http.StatusNotFound {
		t.Errorf("POST: got %d", status)
	}
	if w.answers.by["firmware 200"] == 0 || w.answers.by["software 404"] != 1 {
		t.Errorf("counted: %v", w.answers.by)
	}
}

// TestHTTPPackageIsStreamed loads a package of more than is held at once, and looks at what stands above it.
func TestHTTPPackageIsStreamed(t *testing.T) {
	t.Parallel()
	w := buildSite(t)
	w.device("meters", "meter-1", token("T"))
	text := strings.Repeat("0123456789abcde", 20_000)
	w.pkg(registry.Firmware, "1", text)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+firmwareOne, nil)
	must(t, err)
	res, err := http.DefaultTransport.RoundTrip(r)
	must(t, err)
	got, err := io.ReadAll(res.Body)
	must(t, err)
	must(t, res.Body.Close())
	if string(got) != text || res.ContentLength != int64(len(text)) {
		t.Errorf("got %d bytes of %d, others than it has", len(got), res.ContentLength)
	}
	for name, want := range map[string]string{
		"Content-Disposition": `attachment;filename="meter 1.bin"`, "X-Filename": "meter 1.bin", "Content-Type": "application/octet-stream",
	} {
		if got := res.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	w.want("GET", firmwareOne+"&size=100000&chunk=2", "", http.StatusOK, text[200_000:])
}

// torn gives only the beginning of a package.
type torn struct {
	devices.Registry
	left int
}

func (r *torn) ReadPackage(ctx context.Context, p registry.Package, offset int64, into []byte) (int, error) {
	if r.left--; r.left < 0 {
		return 0, registry.ErrNotFound
	}
	return r.Registry.ReadPackage(ctx, p, offset, into)
}

// TestHTTPPackageIsCutShort: a package that is deleted while a device loads it does not look whole.
func TestHTTPPackageIsCutShort(t *testing.T) {
	t.Parallel()
	broken := &torn{left: 2}
	w := openSite(build(t, func(o *devices.Options) { broken.Registry = o.Registry; o.Registry = broken }))
	w.device("meters", "meter-1", token("T"))
	w.pkg(registry.Firmware, "1", strings.Repeat("x", 300_000))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+firmwareOne, nil)
	must(t, err)
	res, err := http.DefaultTransport.RoundTrip(r)
	must(t, err)
	if got, err := io.ReadAll(res.Body); err == nil || len(got) >= 300_000 {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
	must(t, res.Body.Close())
	w.want("GET", firmwareOne, "", http.StatusNotFound, `{"status":404,"message":"the package has been deleted"}`+"\n")
}

func TestHTTPLoadsOfADeviceAreLimited(t *testing.T) {
	t.Parallel()
	const limit = 2
	w := buildSite(t, func(o *web.Options) { o.Loads = limit })
	w.device("meters", "meter-1", token("T"))
	w.pkg(registry.Firmware, "1", strings.Repeat("x", 32<<20)) // more than sockets hold
	started, over := make(chan bool), make(chan struct{})
	var loads sync.WaitGroup
	for range limit {
		loads.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.url+firmwareOne, nil)
			must(t, err)
			res, err := http.DefaultTransport.RoundTrip(r)
			started <- err == nil && res.StatusCode == http.StatusOK
			if err == nil {
				<-over
				must(t, res.Body.Close())
			}
		})
	}
	for range limit {
		if !<-started {
			t.Error("a load within the limit is refused")
		}
	}
	if status, _ := w.do("GET", firmwareOne, ""); status != http.StatusTooManyRequests {
		t.Errorf("one more: got %d, want 429", status)
	}
	close(over)
	loads.Wait()
}
