package admin

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/registry"
)

// Options is what the handler stands on.
type Options struct {
	Registry *registry.Registry
	Version  string
	Data     string           // folder, as it was given
	Live     func() Status    // of the running server; nil when none runs
	Clock    func() time.Time // nil for time.Now
	Try      func(context.Context, TryRequest) (TryResult, error)
	Reload   func(context.Context) (Reload, error) // of the running server; nil when none runs
	Devices  Devices                               // of the running server; nil when none runs
	Logger   zerolog.Logger
}

type api struct {
	Options
	routes []route
}

// Handler serves the API.
func Handler(o Options) http.Handler {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	a := &api{Options: o}
	a.routes = a.table()
	mux := http.NewServeMux()
	for _, rt := range a.routes {
		mux.HandleFunc(rt.method+" "+rt.path, a.serve(rt))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		writeProblem(w, notFound("there is no "+r.Method+" "+r.URL.Path, "GET /openapi.json lists what there is"))
	})
	return mux
}

// known turns the registry's errors into problems; what is unexpected stays as it is, and becomes an internal one.
func known(err error, what, hint string) error {
	var file *registry.FromFileError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &file):
		return problem(http.StatusConflict, CodeFromFile, file.Error(),
			"change that file: the server reads it again; gridtie profiles hand-over "+file.Profile+" --back makes it changeable here")
	case errors.Is(err, registry.ErrNotFound):
		return notFound("there is no "+what, hint)
	case errors.Is(err, registry.ErrExists):
		return problem(http.StatusConflict, CodeExists, what+" exists already", "")
	case errors.Is(err, registry.ErrInUse):
		return problem(http.StatusConflict, CodeInUse, what+" is in use: "+err.Error(), "")
	case errors.Is(err, registry.ErrInvalid):
		return invalid(err.Error(), "")
	}
	return err
}

func page(r *http.Request) (registry.Page, error) {
	limit, err := queryInt(r, "limit", 0, 1, 1000)
	return registry.Page{Limit: limit, Cursor: r.URL.Query().Get("cursor")}, err
}
