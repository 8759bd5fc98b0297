package crashtest

import (
	"context"
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/internal/admin"
)

// order makes the calls to a meter that were not made yet. Without somebody to ask there are none.
func (s *Storm) order(n int) error {
	for s.Operator != nil && len(s.Meter(n).Calls) < Calls {
		k := s.AskCall(n)
		made, err := s.Operator.Call(context.Background(), name(n), admin.NewCall{Method: "work", Params: callParams(k), Persistent: true})
		if err != nil {
			return fmt.Errorf("calling: %w", err)
		}
		s.AcceptCall(n, k, made.ID)
	}
	return nil
}

// attend lets a meter answer the calls that it has, and take and answer those that have to come still.
func (s *Storm) attend(with speaker, n int) error {
	for i, c := range s.Meter(n).Calls {
		if c.Seen && c.Acked == 0 { // cut off before its answer was acknowledged
			if err := s.answer(with, n, i+1, c.Number); err != nil {
				return err
			}
		}
	}
	for s.awaits(n) {
		number, params, err := with.NextCall()
		if errors.Is(err, ErrNoCall) && s.polled(n) {
			// HTTP has no acknowledgement: what a poll was answered counts as delivered, whether or not it came.
			return nil
		}
		if err != nil {
			s.cut(n)
			return fmt.Errorf("taking a call: %w", err)
		}
		k := numberIn(params, "call")
		s.SeeCall(n, k, number)
		if err := s.answer(with, n, k, number); err != nil {
			return err
		}
	}
	return nil
}

func (s *Storm) answer(with speaker, n, k int, number int32) error {
	j := s.AnswerCall(n, k)
	if err := with.Answer(number, callAnswer(j)); err != nil {
		return fmt.Errorf("answering a call: %w", err)
	}
	s.AckAnswer(n, k, j)
	return nil
}

// awaits tells whether a call that was accepted has not come.
func (s *Storm) awaits(n int) bool {
	for _, c := range s.Meter(n).Calls {
		if c.Accepted && !c.Seen {
			return true
		}
	}
	return false
}

// cut notes that a meter was cut off while it waited for a call.
func (s *Storm) cut(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cuts == nil {
		s.cuts = map[int]bool{}
	}
	s.cuts[n] = true
}

// polled tells whether a poll of the meter may have been answered in vain.
func (s *Storm) polled(n int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return wayOf(n) == overHTTP && s.cuts[n]
}
