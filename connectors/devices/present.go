package devices

import "sync"

// present is who is connected: at most one session for a device.
type present struct {
	mu       sync.Mutex
	sessions map[string]*Session // by device id
}

// enter puts a session into the table and returns the one whose place it took.
func (p *present) enter(s *Session) (old *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old = p.sessions[s.device.ID]
	p.sessions[s.device.ID] = s
	return old
}

// leave takes a session out, unless another has taken its place.
func (p *present) leave(s *Session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.sessions[s.device.ID] == s {
		delete(p.sessions, s.device.ID)
	}
}

func (p *present) find(device string) *Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sessions[device]
}

func (p *present) count() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.sessions)
}
