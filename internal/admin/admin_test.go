package admin_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// handler serves the API over an empty registry in memory.
func handler(t *testing.T, log *bytes.Buffer) http.Handler {
	t.Helper()
	st, err := pebble.Open("memory", pebble.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	r, err := registry.Open(t.Context(), st, registry.Options{ServerKey: secret.NewKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, err := range r.Check(context.Background()) {
			t.Error(err)
		}
		if err := errors.Join(r.Close(), st.Close()); err != nil {
			t.Error(err)
		}
	})
	return admin.Handler(admin.Options{
		Registry: r, Version: "test", Data: "data", Logger: zerolog.New(log),
		Try: func(context.Context, admin.TryRequest) (admin.TryResult, error) {
			panic("a fault with a secret inside")
		},
	})
}

func ask(h http.Handler, method, path, body string) (int, string) {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w.Code, w.Body.String()
}

// TestDescription: the OpenAPI description names every route that the handler serves, once, and what it refers to is
// there.
func TestDescription(t *testing.T) {
	t.Parallel()
	h := handler(t, &bytes.Buffer{})
	code, text := ask(h, "GET", "/openapi.json", "")
	if code != 200 {
		t.Fatalf("got %d %s", code, text)
	}
	var d struct {
		OpenAPI    string
		Paths      map[string]map[string]struct{ OperationID, Summary string }
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal([]byte(text), &d); err != nil || !strings.HasPrefix(d.OpenAPI, "3.1") {
		t.Fatalf("got %v, %q", err, d.OpenAPI)
	}
	seen := map[string]bool{}
	variable := regexp.MustCompile(`\{\w+\}`)
	for path, methods := range d.Paths {
		for method, op := range methods {
			if op.OperationID == "" || op.Summary == "" || seen[op.OperationID] {
				t.Errorf("%s %s: operation %q, summary %q", method, path, op.OperationID, op.Summary)
			}
			seen[op.OperationID] = true
			if _, body := ask(h, strings.ToUpper(method), variable.ReplaceAllString(path, "x"), "{}"); strings.Contains(body, "there is no "+strings.ToUpper(method)+" ") {
				t.Errorf("%s %s is described, but not served: %s", method, path, body)
			}
		}
	}
	if len(seen) < 18 {
		t.Errorf("got %d operations", len(seen))
	}
	for _, ref := range regexp.MustCompile(`#/components/schemas/(\w+)`).FindAllStringSubmatch(text, -1) {
		if d.Components.Schemas[ref[1]] == nil {
			t.Errorf("schema %q is not there", ref[1])
		}
	}
	for path := range d.Paths {
		if code, _ := ask(h, "PUT", variable.ReplaceAllString(path, "x"), ""); code != 404 {
			t.Errorf("PUT %s: got %d, want 404", path, code)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := handler(t, &log)
	for _, test := range []struct {
		name, method, path, body string
		status                   int
		code, detail             string
	}{
		{"no such route", "GET", "/v2/devices", "", 404, "not-found", "there is no GET /v2/devices"},
		{"no such device", "GET", "/v1/devices/none", "", 404, "not-found", `there is no device "none"`},
		{"misspelt parameter", "GET", "/v1/outcomes?devise=x", "", 400, "invalid", `unknown query parameter "devise"`},
		{"parameter out of range", "GET", "/v1/devices?limit=0", "", 400, "invalid", `limit "0"`},
		{"no time", "GET", "/v1/outcomes?since=noon", "", 400, "invalid", `since "noon"`},
		{"misspelt field", "POST", "/v1/suppliers", `{"nam":"x"}`, 400, "invalid", `unknown field "nam"`},
		{"two objects", "POST", "/v1/suppliers", `{"name":"x"}{}`, 400, "invalid", "something follows"},
		{"no supplier for a key", "POST", "/v1/suppliers/none/keys", `{}`, 404, "not-found", `there is no supplier "none"`},
		{"nothing to revoke", "POST", "/v1/keys/none/revoke", ``, 404, "not-found", `there is no key "none"`},
		{"a fault inside", "POST", "/v1/try", `{"files":[],"message":{}}`, 500, "internal", "something went wrong inside the server"},
	} {
		status, body := ask(h, test.method, test.path, test.body)
		var p admin.Problem
		if err := json.Unmarshal([]byte(body), &p); err != nil {
			t.Errorf("%s: %v in %q", test.name, err, body)
			continue
		}
		if status != test.status || p.Status != test.status || p.Code != test.code || !strings.Contains(p.Detail, test.detail) {
			t.Errorf("%s: got %d %+v, want %d %s %q", test.name, status, p, test.status, test.code, test.detail)
		}
		if strings.Contains(body, "secret inside") {
			t.Errorf("%s: the fault is told to the client", test.name)
		}
	}
	if got := log.String(); strings.Contains(got, "secret inside") || !strings.Contains(got, "panic: string") || !strings.Contains(got, "admin_test.go") {
		t.Errorf("log: got %s, want the place of the fault and not its words", got)
	}
}

// TestClient asks over a socket and in process, and gets the same.
func TestClient(t *testing.T) {
	t.Parallel()
	h := handler(t, &bytes.Buffer{})
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	for name, c := range map[string]*admin.Client{
		"local": admin.Local(h),
		"over":  admin.Over(func() (net.Conn, error) { return net.Dial("tcp", srv.Listener.Addr().String()) }),
	} {
		ctx := t.Context()
		s, err := c.AddSupplier(ctx, admin.NewSupplier{Name: "Alba " + name, ID: "alba-" + name})
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		k, err := c.AddKey(ctx, s.ID, admin.NewKey{NotAfter: time.Now().Add(-time.Hour)})
		if err != nil || k.Secret == "" || k.State != "expired" {
			t.Errorf("%s: key: got %+v, %v", name, k, err)
		}
		if k, err := c.RevokeKey(ctx, k.ID); err != nil || k.State != "revoked" {
			t.Errorf("%s: revoke: got %+v, %v", name, k, err)
		}
		if again, err := c.Supplier(ctx, s.ID); err != nil || len(again.Keys) != 1 {
			t.Errorf("%s: supplier: got %+v, %v", name, again, err)
		}
		for _, odd := range []string{"a/b", "..", ".", "a b?c#d", "ñ", "%2F"} {
			var p *admin.Problem
			if _, err := c.Device(ctx, odd); !errors.As(err, &p) || p.Code != admin.CodeNotFound || !strings.Contains(p.Detail, "device") {
				t.Errorf("%s: device %q: got %v, want not-found", name, odd, err)
			}
		}
		if st, err := c.Status(ctx); err != nil || st.Running {
			t.Errorf("%s: status: got %+v, %v", name, st, err)
		}
	}
}
