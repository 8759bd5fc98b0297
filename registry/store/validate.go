package store

import "fmt"

// Validate tells what is wrong with b, as an ErrInvalid. Every store asks it before anything else; callers need not.
func (b Batch) Validate() error {
	size := 0
	key := func(k []byte) error {
		if len(k) == 0 || len(k) > MaxKey {
			return fmt.Errorf("%w: key of %d bytes, want 1 to %d", ErrInvalid, len(k), MaxKey)
		}
		size += len(k)
		return nil
	}
	for _, c := range b.Checks {
		if c.At == 0 {
			return fmt.Errorf("%w: check without a reader's stamp", ErrInvalid)
		}
		if err := key(c.Key); err != nil {
			return err
		}
	}
	for _, k := range b.Deletes {
		if err := key(k); err != nil {
			return err
		}
	}
	for _, p := range b.Puts {
		if err := key(p.Key); err != nil {
			return err
		}
		size += len(p.Value)
	}
	if size > MaxBatch {
		return fmt.Errorf("%w: %d bytes, want at most %d", ErrInvalid, size, MaxBatch)
	}
	return nil
}
