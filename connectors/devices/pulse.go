package devices

import (
	"context"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gridtie/gridtie/registry"
)

// pulse is a device that is active: it was heard of not long ago, or is connected.
type pulse struct {
	device  *registry.Device // never changed
	last    atomic.Int64     // ms since 1970
	stopped atomic.Bool      // it became inactive; there is another pulse if it came back
	timeout time.Duration
}

// pulses are the devices that are active. A timer looks through them as long as there are some.
type pulses struct {
	mu     sync.Mutex
	alive  map[string]*pulse
	timer  *time.Timer
	stop   context.CancelFunc // of who adds devices, nil for nobody
	closed bool
}

// pulseEvery is how often devices that fell silent are looked for, as in ThingsBoard.
const pulseEvery = time.Minute

// timeoutKey is the server attribute by which a device has an inactivity timeout of its own, in milliseconds.
const timeoutKey = "inactivityTimeout"

// seen notes that the device did something, and tells the chains if it was inactive.
func (s *Session) seen() {
	now := s.service.now().UnixMilli()
	if p := s.pulse.Load(); p != nil && !p.stopped.Load() {
		p.last.Store(now)
		return
	}
	p, woke := s.service.pulses.beat(s.service, s.device, now)
	s.pulse.Store(p)
	if woke {
		s.service.woke(p)
	}
}

// beat returns the device's pulse, and tells whether it has just begun.
func (ps *pulses) beat(s *Service, d *registry.Device, now int64) (*pulse, bool) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p := ps.alive[d.ID]; p != nil {
		p.last.Store(now)
		return p, false
	}
	p := &pulse{device: d, timeout: s.limits.Inactivity}
	p.last.Store(now)
	ps.alive[d.ID] = p
	ps.armLocked(s)
	return p, true
}

func (ps *pulses) armLocked(s *Service) {
	switch {
	case ps.closed || len(ps.alive) == 0:
	case ps.timer == nil:
		ps.timer = time.AfterFunc(pulseEvery, func() { ps.look(s) })
	default:
		ps.timer.Reset(pulseEvery)
	}
}

// woke tells the chains that a device is active again.
func (s *Service) woke(p *pulse) {
	ctx := s.calls.life
	if as, err := s.registry.Attributes(ctx, p.device.ID, registry.ServerScope, timeoutKey); err == nil && len(as) == 1 {
		if ms, err := strconv.ParseInt(string(as[0].Value), 10, 64); err == nil && ms > 0 {
			s.pulses.mu.Lock()
			p.timeout = time.Duration(ms) * time.Millisecond
			s.pulses.mu.Unlock()
		}
	}
	a := s.noted(ctx, registry.Activity{Device: p.device.ID, Active: time.UnixMilli(p.last.Load())})
	s.stateEvent(ctx, p.device, TypeActivity, a)
}

// look finds the devices that fell silent.
func (ps *pulses) look(s *Service) {
	now := s.now().UnixMilli()
	var silent []*pulse
	ps.mu.Lock()
	for id, p := range ps.alive {
		if now-p.last.Load() < p.timeout.Milliseconds() {
			continue
		}
		if s.present.connected(id) { // silent ones are closed by their protocol
			p.last.Store(now)
			continue
		}
		delete(ps.alive, id)
		p.stopped.Store(true)
		silent = append(silent, p)
	}
	ps.armLocked(s)
	ps.mu.Unlock()
	for _, p := range silent {
		a := s.noted(s.calls.life, registry.Activity{
			Device: p.device.ID, Active: time.UnixMilli(p.last.Load()), Inactive: s.now(),
		})
		s.stateEvent(s.calls.life, p.device, TypeInactivity, a)
	}
}

func (ps *pulses) forget(device string) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if p := ps.alive[device]; p != nil {
		delete(ps.alive, device)
		p.stopped.Store(true)
	}
}

// stopWith lets close call stop, so that closing does not wait until all devices are read.
func (ps *pulses) stopWith(stop context.CancelFunc) {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.stop = stop
	if ps.closed {
		stop()
	}
}

func (ps *pulses) close() {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.closed = true
	if ps.stop != nil {
		ps.stop()
	}
	if ps.timer != nil {
		ps.timer.Stop()
	}
}

func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
