package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/engine"
)

// updates waits for the next change of shared attributes.
func (h *Handler) updates(w http.ResponseWriter, r *http.Request, s *devices.Session) {
	h.poll(w, r, s, func(ctx context.Context) ([]byte, error) {
		c, err := s.NextChange(ctx)
		switch {
		case err != nil:
			return nil, err
		case len(c.Deleted) > 0:
			return body.Deleted(c.Deleted), nil
		}
		return body.Updated(c.Updated), nil
	})
}

// nextCall waits for the next call to the device.
func (h *Handler) nextCall(w http.ResponseWriter, r *http.Request, s *devices.Session) {
	h.poll(w, r, s, func(ctx context.Context) ([]byte, error) {
		c, err := s.NextCall(ctx)
		if err != nil {
			return nil, err
		}
		return body.NumberedCall(c), nil
	})
}

// answerCall takes the device's answer to a call: any text, also none.
func (h *Handler) answerCall(w http.ResponseWriter, r *http.Request, s *devices.Session) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 32)
	if err != nil {
		tell(w, http.StatusBadRequest, "the call's id is not a 32-bit number")
		return
	}
	text, ok := h.anyBody(w, r)
	if !ok {
		return
	}
	h.settle(w, func(done func(engine.Fate)) error {
		s.Answer(r.Context(), int32(id), text, done)
		return nil
	})
}

// ask hands a request of the device to the chains and answers with their reply.
func (h *Handler) ask(w http.ResponseWriter, r *http.Request, s *devices.Session) {
	text, ok := h.body(w, r)
	if !ok {
		return
	}
	v, err := h.service.Parse(text)
	if err != nil {
		h.refuse(w, err)
		return
	}
	q, err := body.ReadRequest(v)
	if err == nil && len(q.Params) == 0 {
		err = errNoParams // MQTT needs none; here ThingsBoard does
	}
	if err != nil {
		tell(w, http.StatusBadRequest, err.Error())
		return
	}
	replied, met := make(chan []byte, 1), make(chan engine.Fate, 1)
	defer s.Close()
	err = s.Ask(r.Context(), q, func(f engine.Fate) { met <- f }, func(reply []byte) { replied <- reply })
	if err != nil {
		later(w, err.Error())
		return
	}
	for {
		select {
		case reply := <-replied:
			if string(reply) == devices.TimeoutReply {
				w.WriteHeader(http.StatusRequestTimeout)
				return
			}
			answer(w, reply)
			return
		case f := <-met:
			if f.State == engine.Abandoned {
				h.unavailable(w, "ask", f.Cause)
				return
			}
			met = nil // there is a reply, or will be none
		case <-r.Context().Done():
			h.unavailable(w, "ask", nil)
			return
		}
	}
}

var errNoParams = errors.New("not a request: params is missing")

// poll answers what next gives, or 408 when the time is over.
func (h *Handler) poll(w http.ResponseWriter, r *http.Request, s *devices.Session, next func(context.Context) ([]byte, error)) {
	patience, err := h.wait(r)
	if err != nil {
		tell(w, http.StatusBadRequest, err.Error())
		return
	}
	id := s.Device().ID
	if !h.polls.enter(id) {
		later(w, "too many polls of this device wait already")
		return
	}
	defer h.polls.leave(id)
	ctx, cancel := context.WithTimeout(r.Context(), patience)
	defer cancel()
	switch text, err := next(ctx); {
	case err == nil:
		answer(w, text)
	case errors.Is(err, devices.ErrGone):
		tell(w, http.StatusForbidden, "Device was deleted!")
	case errors.Is(err, context.DeadlineExceeded):
		w.WriteHeader(http.StatusRequestTimeout)
	case errors.Is(err, context.Canceled): // nobody is there any more, or the server stops
		h.unavailable(w, "poll", nil)
	default:
		h.unavailable(w, "poll", err)
	}
}

// turns counts what goes on for a long time, by device: each holds a connection and a goroutine.
type turns struct {
	limit int

	mu      sync.Mutex
	waiting map[string]int
}

func newTurns(limit int) turns { return turns{limit: limit, waiting: map[string]int{}} }

func (p *turns) enter(device string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting[device] >= p.limit {
		return false
	}
	p.waiting[device]++
	return true
}

func (p *turns) leave(device string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.waiting[device]--; p.waiting[device] == 0 {
		delete(p.waiting, device)
	}
}
