package devices

// Remembered is how many entries the table of wrong secrets has.
func (s *Service) Remembered() int {
	s.throttle.mu.Lock()
	defer s.throttle.mu.Unlock()
	return len(s.throttle.young) + len(s.throttle.old)
}
