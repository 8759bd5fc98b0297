package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/pebble"
)

// full is why nothing more can be kept: the disk has too little room. It may take hours until somebody makes some, so
// that whoever comes is refused rather than left waiting; who is inside waits, and is answered afterwards.
func full(st store.Store) error {
	if remote, ok := st.(store.Remote); ok {
		if err := remote.Away(); errors.Is(err, pebble.ErrFull) {
			return err
		}
	}
	return nil
}

// door is the dialect that is asked first: it claims connections only to refuse them.
type door struct{ store store.Store }

// Connect answers 3, server unavailable, while the disk is full. A load balancer in front sees /readyz before.
func (d door) Connect(context.Context, *mqttserver.Conn, *packet.Connect) (mqttserver.Handler, mqttserver.ConnectCode) {
	if full(d.store) != nil {
		return nil, mqttserver.RefusedUnavailable
	}
	return nil, mqttserver.NotMine
}

// refuseWhileFull refuses what changes the registry. Trying a message and reading chains again change nothing there.
func refuseWhileFull(st store.Store, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reading := r.Method == http.MethodGet || r.URL.Path == "/v1/try" || r.URL.Path == "/v1/reload"
		err := full(st)
		if reading || err == nil {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusServiceUnavailable)
		_ = json.NewEncoder(w).Encode(admin.Problem{
			Title: http.StatusText(http.StatusServiceUnavailable), Status: http.StatusServiceUnavailable,
			Code: admin.CodeUnavailable, Detail: err.Error(), Help: "free some room on the disk of the data folder, then try again",
		})
	})
}
