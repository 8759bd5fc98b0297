package devices

import "context"

// Remembered is how many entries the table of wrong secrets has.
func (s *Service) Remembered() int {
	s.throttle.mu.Lock()
	defer s.throttle.mu.Unlock()
	return len(s.throttle.young) + len(s.throttle.old)
}

// Pay pays for a message of a session, as posting it does.
func (s *Session) Pay(ctx context.Context, values int) error {
	p, err := s.begin(ctx, nil)
	if err != nil {
		return err
	}
	return s.pay(ctx, p, false, func() int { return values })
}
