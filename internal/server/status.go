package server

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/gridtie/gridtie/internal/admin"
)

// Status is how the server does.
func (s *Server) Status() admin.Status {
	c, chain := s.core.Engine.Counts(), s.core.Engine.Chain()
	st := admin.Status{
		Running: true, Problems: s.problems(), Version: s.options.Version, Data: s.options.Data, Started: s.started.UTC(),
		Addresses: s.Addresses(),
		Chains: admin.ChainStatus{
			From: s.chainsFrom(), Revision: chain.Revision(), IDs: chain.IDs(), Since: s.core.set.Load().since.UTC(),
			Refused: s.chains.status(),
		},
		Messages: admin.MessageStatus{
			In: c.In, Done: c.Done, DeadLettered: c.DeadLettered, Abandoned: c.Abandoned, InFlight: c.InFlight,
			Slow: []string{},
		},
		Sessions: s.core.Devices.Connected(),
		Store:    admin.StoreStatus{Applied: uint64(s.store.Applied()), Synced: uint64(s.store.Synced())},
	}
	if set := s.core.set.Load(); set.Profiles != nil {
		st.Profiles = &admin.ProfileStatus{
			From: set.Profiles.Folder, Revision: set.Profiles.Revision(), Since: set.profilesSince.UTC(), Names: set.Profiles.Names(),
		}
	}
	for _, n := range s.core.Engine.Stuck() {
		st.Messages.Slow = append(st.Messages.Slow, fmt.Sprintf("%s/%s since %s, message %s", n.Chain, n.Node,
			n.Since.UTC().Format("15:04:05Z"), n.Message))
	}
	st.Ready = len(st.Problems) == 0
	return st
}

// problems is why the server is not ready.
func (s *Server) problems() []string {
	problems := []string{}
	if err := s.store.Err(); err != nil {
		problems = append(problems, "the store has failed: "+err.Error())
	} else if err := s.away(); err != nil && s.options.Store.IsZero() {
		problems = append(problems, "all work waits: "+err.Error())
	} else if err != nil {
		problems = append(problems, "the database cannot be reached, and all work waits for it: "+err.Error())
	}
	return problems
}

// publicHandler is what the TCP address serves: nothing that changes or shows what is known.
func (s *Server) publicHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("ok\n"))
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		problems := s.problems()
		w.Header().Set("Content-Type", "application/json")
		if len(problems) > 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"ready": len(problems) == 0, "problems": problems})
	})
	mux.Handle("GET /metrics", s.metrics.handler())
	return mux
}
