package pebble

import (
	"context"
	"fmt"
)

// Compact writes all rows as tables and brings them to where they come to rest, which frees what deleted and overwritten
// rows still take. Pebble does so by itself as time goes by; this is for somebody who wants it now, such as a program
// that has filled a store. Reads and writes go on meanwhile.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	defer s.gate.Leave()
	last, ok, err := s.lastKey(ctx)
	if err != nil || !ok {
		return err
	}
	if err := s.db.Compact(ctx, []byte{0}, append(last, 0), true); err != nil {
		return fmt.Errorf("compacting: %w", err)
	}
	return nil
}

// lastKey returns the greatest key there is.
func (s *Store) lastKey(ctx context.Context) (key []byte, ok bool, err error) {
	it, err := s.db.NewIterWithContext(ctx, nil)
	if err != nil {
		return nil, false, fmt.Errorf("compacting: %w", err)
	}
	if ok = it.Last(); ok {
		key = append(key, it.Key()...)
	}
	if err := it.Close(); err != nil {
		return nil, false, fmt.Errorf("compacting: %w", err)
	}
	return key, ok, nil
}
