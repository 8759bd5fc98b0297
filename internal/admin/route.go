package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

// maxBody is the largest request in bytes: a chain set sent to be tried. Only a package may be larger.
const maxBody = 8 << 20

// route is one thing that can be asked: what the mux and the description need to know.
type route struct {
	method, path string
	id           string // of the operation: unique, in camelCase
	summary      string
	query        []parameter
	body, answer any   // values of the types, for the description; nil for none
	bytes        int64 // that the request's body may have, if it is not JSON
	status       int
	do           func(ctx context.Context, r *http.Request) (any, error)
}

type parameter struct {
	name, doc string
	integer   bool
}

// serve wraps a route: limits the body, encodes the answer, turns errors into problems and panics into errors.
func (a *api) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, err := func() (answer any, err error) {
			defer func() {
				if p := recover(); p != nil {
					err = fmt.Errorf("panic: %s\n%s", harmless(p), debug.Stack())
				}
			}()
			if err := knownQuery(r, rt.query); err != nil {
				return nil, err
			}
			r.Body = http.MaxBytesReader(w, r.Body, max(maxBody, rt.bytes))
			return rt.do(r.Context(), r)
		}()
		if err != nil {
			if writeProblem(w, err) {
				a.Logger.Error().Err(err).Str("operation", rt.id).Str("event", "admin_request_failed").Send()
			}
			return
		}
		if answer == nil {
			w.WriteHeader(rt.status)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(rt.status)
		_ = json.NewEncoder(w).Encode(answer)
	}
}

// harmless is what may be logged of a panic: its value may quote a key or a secret, that of a run-time error does not.
func harmless(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", p)
}

// decode reads a request's body strictly: an unknown field is most often a misspelt one.
func decode[T any](r *http.Request) (T, error) {
	var v T
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil {
		return v, invalid("reading the request: "+err.Error(), "GET /openapi.json describes it")
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return v, invalid("reading the request: something follows the JSON object", "")
	}
	return v, nil
}

// knownQuery refuses misspelt parameters, which would else widen an answer silently.
func knownQuery(r *http.Request, known []parameter) error {
next:
	for name := range r.URL.Query() {
		for _, p := range known {
			if p.name == name {
				continue next
			}
		}
		return invalid(fmt.Sprintf("unknown query parameter %q", name), "GET /openapi.json lists those of each path")
	}
	return nil
}

func queryInt(r *http.Request, name string, absent, low, high int) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return absent, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, invalid(fmt.Sprintf("%s %q is not a whole number from %d to %d", name, text, low, high), "")
	}
	return n, nil
}

func queryTime(r *http.Request, name string) (time.Time, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, invalid(fmt.Sprintf("%s %q is no time", name, text), "write it like 2026-11-21T09:14:03Z")
	}
	return t, nil
}
