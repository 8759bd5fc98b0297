package admin_test

import (
	"bytes"
	"errors"
	"net"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

// TestPackages keeps and deletes packages that are larger than any other request, over a socket and in process.
func TestPackages(t *testing.T) {
	t.Parallel()
	h := handler(t, &bytes.Buffer{})
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	const size = 9 << 20
	content := func() *strings.Reader { return strings.NewReader(strings.Repeat("firmware", size/8)) }
	for name, c := range map[string]*admin.Client{
		"local": admin.Local(h),
		"over":  admin.Over(func() (net.Conn, error) { return net.Dial("tcp", srv.Listener.Addr().String()) }),
	} {
		ctx := t.Context()
		in := admin.NewPackage{Kind: registry.Firmware, Title: "a/b " + name, Version: "..", File: "f.bin"}
		p, err := c.AddPackage(ctx, in, content(), size)
		if err != nil || p.Size != size || p.File != "f.bin" || len(p.Checksum) != 64 {
			t.Fatalf("%s: got %+v, %v", name, p, err)
		}
		wants := func(what string, err error, code string) {
			t.Helper()
			var refused *admin.Problem
			if !errors.As(err, &refused) || refused.Code != code {
				t.Errorf("%s: %s: got %v, want %s", name, what, err, code)
			}
		}
		_, err = c.AddPackage(ctx, in, content(), size)
		wants("again", err, admin.CodeExists)
		in.Version = "2"
		_, err = c.AddPackage(ctx, in, strings.NewReader(""), registry.MaxPackage+1)
		wants("too large", err, admin.CodeInvalid)
		in.Algorithm = "ROT13"
		_, err = c.AddPackage(ctx, in, content(), size)
		wants("no such checksum", err, admin.CodeInvalid)

		page, err := c.Packages(ctx, admin.Query{})
		if err != nil || len(page.Packages) != 1 || page.Packages[0].Title != in.Title {
			t.Errorf("%s: got %+v, %v", name, page, err)
		}
		_, err = c.AssignPackage(ctx, admin.Assignment{Kind: registry.Firmware, Title: in.Title, Version: "..", Profile: "none"})
		wants("no such profile", err, admin.CodeNotFound)
		_, err = c.UnassignPackage(ctx, admin.Assignment{Kind: registry.Firmware})
		wants("nobody's", err, admin.CodeInvalid)
		if err := c.DeletePackage(ctx, registry.Firmware, in.Title, ".."); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		wants("gone", c.DeletePackage(ctx, registry.Firmware, in.Title, ".."), admin.CodeNotFound)
	}
}

// TestPackageBrokenOff: what a client did not send to its end is refused, and nothing of it is kept.
func TestPackageBrokenOff(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h := handler(t, &log)
	srv := httptest.NewServer(h)
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = conn.Write([]byte("POST /v1/packages?kind=firmware&title=t&version=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfirm\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	srv.Close() // waits for the request
	if page, err := admin.Local(h).Packages(t.Context(), admin.Query{}); err != nil || len(page.Packages) != 0 {
		t.Errorf("got %+v, %v", page, err)
	}
	if strings.Contains(log.String(), "admin_request_failed") {
		t.Errorf("it is logged as a fault of the server: %s", log.String())
	}
}
