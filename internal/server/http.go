package server

import (
	"context"
	"fmt"
	"log" //nolint:depguard // http.Server takes nothing else to complain to
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/sync/errgroup"

	"github.com/gridtie/gridtie/connectors/devices/websocket"
)

// mqttPath is where MQTT over websockets is found: the path that brokers and clients take by habit.
const mqttPath = "/mqtt"

func (s *Server) servePublic(ctx context.Context, l net.Listener) error {
	return runHTTP(ctx, s.newHTTP(s.publicHandler()), l)
}

// serveDevices serves devices that speak HTTP, or MQTT over websockets. The latter are the MQTT server's from their handshake
// on: what holds over TCP holds for them, also on a full disk, where their CONNECT is refused and who is inside waits.
func (s *Server) serveDevices(ctx context.Context, l net.Listener) error {
	sockets := websocket.Listen(l.Addr(), websocket.Options{Observe: s.metrics.handshake})
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return s.mqtt.Serve(ctx, sockets) })
	api := s.deviceAPI(ctx)
	srv := s.newHTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == mqttPath {
			sockets.ServeHTTP(w, r)
			return
		}
		api.ServeHTTP(w, r)
	}))
	watchCallers(srv, s.metrics.counters.turnedAway)
	g.Go(func() error { return runHTTP(ctx, srv, l) })
	return g.Wait()
}

// deviceAPI answers requests of devices. A poll that waits ends with ctx, not in five minutes; what was handed over is
// answered all the same.
func (s *Server) deviceAPI(ctx context.Context) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if full(s.store) != nil {
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		polling, cancel := context.WithCancel(r.Context())
		defer cancel()
		defer context.AfterFunc(ctx, cancel)()
		s.web.ServeHTTP(w, r.WithContext(polling))
	})
}

// newHTTP makes an HTTP server with the limits that all have. Answers have no time limit: polls wait for minutes.
func (s *Server) newHTTP(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: time.Minute, IdleTimeout: time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: log.New(httpNotes{s.options.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute})}, "", 0),
	}
}

// runHTTP serves until ctx ends, then lets requests under way finish.
func runHTTP(ctx context.Context, srv *http.Server, l net.Listener) error {
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		<-ctx.Done()
		late, cancel := context.WithTimeout(context.WithoutCancel(ctx), httpDrainTime)
		defer cancel()
		if srv.Shutdown(late) != nil {
			_ = srv.Close()
		}
	}()
	err := srv.Serve(l)
	if ctx.Err() != nil {
		<-ended
		return nil
	}
	return fmt.Errorf("serving HTTP on %s: %w", l.Addr(), err)
}

// httpNotes takes what net/http has to say. Peers can cause it: mostly a TLS handshake that came to nothing.
type httpNotes struct{ log zerolog.Logger }

func (n httpNotes) Write(text []byte) (int, error) {
	first, stack, _ := strings.Cut(string(text), "\n")
	if strings.HasPrefix(first, "http: panic") {
		n.log.Error().Str("stack", stack).Str("event", "http_panic").Send() // not the value, which may quote a request
		return len(text), nil
	}
	n.log.Debug().Str("trouble", first).Str("event", "http_trouble").Send()
	return len(text), nil
}
