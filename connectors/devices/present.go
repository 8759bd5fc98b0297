package devices

import (
	"slices"
	"sync"
)

// present is who can be reached: at most one open session for a device, and those that are attached beside it.
type present struct {
	mu       sync.Mutex
	sessions map[string]*Session   // open, by device id
	attached map[string][]*Session // by device id, the oldest first
}

// enter puts an open session into the table and returns the one whose place it took.
func (p *present) enter(s *Session) (old *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old = p.sessions[s.device.ID]
	p.sessions[s.device.ID] = s
	return old
}

// attach puts a session beside the open one.
func (p *present) attach(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.attached[s.device.ID] = append(p.attached[s.device.ID], s)
}

// leave takes a session out, unless another has taken its place, and tells whether it was open until then.
func (p *present) leave(s *Session) (wasOpen bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions[s.device.ID] == s {
		delete(p.sessions, s.device.ID)
		return true
	}
	beside := p.attached[s.device.ID]
	if at := slices.Index(beside, s); at >= 0 {
		beside = slices.Delete(beside, at, at+1)
		p.attached[s.device.ID] = beside
		if len(beside) == 0 {
			delete(p.attached, s.device.ID)
		}
	}
	return false
}

// all is every session of a device, the open one first.
func (p *present) all(device string) []*Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := slices.Clone(p.attached[device])
	if open := p.sessions[device]; open != nil {
		all = slices.Insert(all, 0, open)
	}
	return all
}

// connected tells whether a device has an open session.
func (p *present) connected(device string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[device] != nil
}

func (p *present) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sessions)
}

// waiting is the number of sessions that are attached and want something.
func (p *present) waiting() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, beside := range p.attached {
		for _, s := range beside {
			if s.attributes.Load() || s.calls.Load() {
				n++
			}
		}
	}
	return n
}
