// Package web is the device API of ThingsBoard over HTTP: it translates paths and bodies to the verbs of package devices.
//
// Learn one type: a [Handler] answers the requests of devices. It is an http.Handler, safe for concurrent use, starts
// nothing and needs no closing; requests that wait end with their contexts.
package web

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Options of a Handler. The zero value works.
type Options struct {
	// Body is how many bytes a request may bring. Default 65,536: that of an MQTT packet.
	Body int64
	// Wait is how long a poll waits that names no time. Default 60 s, ThingsBoard's.
	Wait time.Duration
	// LongestWait is how long a poll waits at most, whatever it asks for. Default 300 s.
	LongestWait time.Duration
	// Polls is how many polls of one device may wait at once. Default 4; more are answered 429.
	Polls int
	// Loads is how many packages one device may load at once. Default 4; more are answered 429.
	Loads    int
	Logger   zerolog.Logger
	Observer Observer
}

// Routes are the names of the routes, as an Observer is told them.
func Routes() []string {
	return []string{
		"provision", "telemetry", "attributes", "attributes-read", "attributes-updates", "rpc-poll", "rpc-ask", "rpc-answer",
		"firmware", "software", "unknown",
	}
}

// Statuses are those that an answer may have.
func Statuses() []int {
	return []int{
		http.StatusOK, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound,
		http.StatusRequestTimeout, http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusServiceUnavailable,
	}
}

// Observer is told of every answer: the route, one of Routes, and the status, one of Statuses.
type Observer interface {
	Answered(route string, status int)
}

// Handler serves ThingsBoard devices over HTTP, which name themselves by the access token in the path
// (ThingsBoard's DeviceApiController). A request is answered when its effect is on disk.
//
// Where ThingsBoard answers 500 to a payload that is not what it should be, or to a device that is over a limit, the answer
// is 400 or 429: no client depends on the difference, and operators see whose fault it is. No answer repeats the request.
type Handler struct {
	service *devices.Service
	options Options
	mux     *http.ServeMux
	polls   turns
	loads   turns
	log     zerolog.Logger // sampled: devices cause these lines
}

// New makes a Handler.
func New(s *devices.Service, o Options) *Handler {
	o.Body = cmp.Or(o.Body, 64<<10)
	o.Wait = cmp.Or(o.Wait, time.Minute)
	o.LongestWait = cmp.Or(o.LongestWait, 5*time.Minute)
	o.Polls = cmp.Or(o.Polls, 4)
	o.Loads = cmp.Or(o.Loads, 4)
	h := &Handler{
		service: s, options: o, mux: http.NewServeMux(), polls: newTurns(o.Polls), loads: newTurns(o.Loads),
		log: o.Logger.Sample(&zerolog.BurstSampler{Burst: 10, Period: time.Minute}),
	}
	const base = "/api/v1/"
	h.handle("POST "+base+"provision", "provision", h.provision)
	h.device("POST "+base+"{token}/telemetry", "telemetry", h.telemetry)
	h.device("POST "+base+"{token}/attributes", "attributes", h.attributes)
	h.device("GET "+base+"{token}/attributes", "attributes-read", h.readAttributes)
	h.device("GET "+base+"{token}/attributes/updates", "attributes-updates", h.updates)
	h.device("GET "+base+"{token}/rpc", "rpc-poll", h.nextCall)
	h.device("POST "+base+"{token}/rpc", "rpc-ask", h.ask)
	h.device("POST "+base+"{token}/rpc/{id}", "rpc-answer", h.answerCall)
	h.device("GET "+base+"{token}/firmware", "firmware", h.firmware)
	h.device("GET "+base+"{token}/software", "software", h.software)
	h.handle("/", "unknown", func(w http.ResponseWriter, _ *http.Request) {
		tell(w, http.StatusNotFound, "there is nothing here: the device API is under "+base)
	})
	return h
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) { h.mux.ServeHTTP(w, r) }

func (h *Handler) handle(pattern, route string, do http.HandlerFunc) {
	h.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		noted := &noting{ResponseWriter: w, status: http.StatusOK}
		defer func() {
			if o := h.options.Observer; o != nil {
				o.Answered(route, noted.status)
			}
		}()
		do(noted, r)
	})
}

// noting remembers the status of an answer.
type noting struct {
	http.ResponseWriter
	status int
}

func (n *noting) WriteHeader(status int) {
	n.status = status
	n.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController find what it needs.
func (n *noting) Unwrap() http.ResponseWriter { return n.ResponseWriter }

// device is a route that names a device.
func (h *Handler) device(pattern, route string, do func(http.ResponseWriter, *http.Request, *devices.Session)) {
	h.handle(pattern, route, func(w http.ResponseWriter, r *http.Request) {
		s, err := h.service.AuthenticateToken(r.Context(), source(r), secret.NewText(r.PathValue("token")))
		switch {
		case err == nil:
			do(w, r, s)
		case errors.Is(err, registry.ErrUnauthorized):
			w.WriteHeader(http.StatusUnauthorized)
		case errors.Is(err, devices.ErrThrottled):
			later(w, "too many wrong tokens: wait a minute")
		default:
			h.unavailable(w, "authenticate", err)
		}
	})
}

func (h *Handler) provision(w http.ResponseWriter, r *http.Request) {
	text, ok := h.body(w, r)
	if !ok {
		return
	}
	v, err := h.service.Parse(text)
	if err != nil {
		h.refuse(w, err)
		return
	}
	request, err := body.ReadProvision(v)
	if err != nil {
		tell(w, http.StatusBadRequest, err.Error())
		return
	}
	request.From = source(r)
	answered := make(chan devices.ProvisionReply, 1)
	// The request runs to its end even if the device does not wait for it: what it decides may be on disk already.
	h.service.Provision(context.WithoutCancel(r.Context()), request, func(a devices.ProvisionReply) { answered <- a })
	a := <-answered
	switch a.Status {
	case devices.StatusUnavailable:
		h.unavailable(w, "provision", nil)
		return
	case devices.StatusLimited:
		limited(w, a.Retry)
		return
	}
	answer(w, body.Provision(a))
}

func (h *Handler) telemetry(w http.ResponseWriter, r *http.Request, s *devices.Session) {
	h.post(w, r, s.PostTelemetry)
}

func (h *Handler) attributes(w http.ResponseWriter, r *http.Request, s *devices.Session) {
	h.post(w, r, s.PostAttributes)
}

// post hands a body over.
func (h *Handler) post(w http.ResponseWriter, r *http.Request, hand func(context.Context, []byte, func(engine.Fate), ...engine.Pair) error) {
	text, ok := h.body(w, r)
	if !ok {
		return
	}
	h.settle(w, func(done func(engine.Fate)) error { return hand(r.Context(), text, done) })
}

// settle answers once the fate of what was handed over is on disk.
func (h *Handler) settle(w http.ResponseWriter, hand func(done func(engine.Fate)) error) {
	met := make(chan engine.Fate, 1)
	if err := hand(func(f engine.Fate) { met <- f }); err != nil {
		h.refuse(w, err)
		return
	}
	if f := <-met; f.State == engine.Abandoned {
		h.unavailable(w, "post", f.Cause)
	}
}

func (h *Handler) readAttributes(w http.ResponseWriter, r *http.Request, s *devices.Session) {
	q := r.URL.Query()
	client, shared, err := s.Attributes(r.Context(), names(q.Get("clientKeys")), names(q.Get("sharedKeys")))
	switch {
	case errors.Is(err, devices.ErrTooManyKeys):
		tell(w, http.StatusBadRequest, err.Error())
	case err != nil:
		h.unavailable(w, "read attributes", err)
	default:
		answer(w, body.Attributes(client, shared))
	}
}

// names reads a list; like ThingsBoard it takes an empty one for none.
func names(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, ",")
}

// body reads the request's, which must not be empty. If it answers itself, ok is false.
func (h *Handler) body(w http.ResponseWriter, r *http.Request) (text []byte, ok bool) {
	text, ok = h.anyBody(w, r)
	if ok && len(text) == 0 {
		tell(w, http.StatusBadRequest, "the body is empty: send a JSON object")
		return nil, false
	}
	return text, ok
}

// anyBody is body for what may be empty.
func (h *Handler) anyBody(w http.ResponseWriter, r *http.Request) (text []byte, ok bool) {
	var err error
	claimed := r.ContentLength > h.options.Body // as ThingsBoard, before anything of it has come
	if !claimed {
		text, err = io.ReadAll(http.MaxBytesReader(w, r.Body, h.options.Body))
	}
	var tooLarge *http.MaxBytesError
	switch {
	case claimed, errors.As(err, &tooLarge):
		w.Header().Set("Connection", "close")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		_ = json.NewEncoder(w).Encode(fmt.Sprintf("Payload size exceeds the limit of %d bytes", h.options.Body)) // ThingsBoard's words
	case err != nil:
		tell(w, http.StatusBadRequest, "the body could not be read")
	default:
		return text, true
	}
	return nil, false
}

// refuse answers a body that is not what it should be. The errors of intake hold no values.
func (h *Handler) refuse(w http.ResponseWriter, err error) {
	var bad *intake.BadPayload
	if !errors.As(err, &bad) {
		tell(w, http.StatusBadRequest, "the payload is not valid")
		return
	}
	tell(w, http.StatusBadRequest, bad.Error())
}

// unavailable answers what could not be promised, or was too much: the device has to repeat its request.
func (h *Handler) unavailable(w http.ResponseWriter, what string, cause error) {
	var over *devices.RateError
	if errors.As(cause, &over) {
		limited(w, over)
		return
	}
	h.log.Warn().Str("event", "http_unavailable").Str("request", what).Err(cause).Send()
	w.Header().Set("Retry-After", "5")
	tell(w, http.StatusServiceUnavailable, "nothing was done: send the request again")
}

// limited answers a device that sends more than it may.
func limited(w http.ResponseWriter, over *devices.RateError) {
	w.Header().Set("Retry-After", strconv.Itoa(over.Seconds()))
	tell(w, http.StatusTooManyRequests, over.Error())
}

// later answers a device that is over a limit.
func later(w http.ResponseWriter, why string) {
	w.Header().Set("Retry-After", "60")
	tell(w, http.StatusTooManyRequests, why)
}

// tell answers with a status and a reason, in the form of ThingsBoard's error responses.
func tell(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(struct {
		Status  int    `json:"status"`
		Message string `json:"message"`
	}{status, message})
}

func answer(w http.ResponseWriter, text []byte) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(text) //nolint:gosec // JSON and said to be so; who has gone needs no answer
}

// source is where a request comes from.
func source(r *http.Request) netip.Addr {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return at.Addr().Unmap()
}

// wait reads how long a poll is to wait: milliseconds, as a query.
func (h *Handler) wait(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("timeout")
	ms, err := strconv.ParseInt(cmp.Or(text, "0"), 10, 64)
	if err != nil || ms < 0 {
		return 0, fmt.Errorf("timeout is not a number of milliseconds")
	}
	if ms == 0 {
		return h.options.Wait, nil
	}
	return min(time.Duration(min(ms, h.options.LongestWait.Milliseconds()))*time.Millisecond, h.options.LongestWait), nil
}
