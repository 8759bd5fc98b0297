package store

import "errors"

// What a caller can act upon. Stores wrap these; use errors.Is.
var (
	// ErrConflict: a check failed and nothing was applied. Read again and decide again.
	ErrConflict = errors.New("a row this batch depends on has changed")

	// ErrInvalid: the batch or the LSN makes no sense (empty or too long a key, too big a batch, a check without a
	// reader's Stamp). A fault of the caller; trying again does not help.
	ErrInvalid = errors.New("invalid batch")

	// ErrAway: the store cannot be reached at the moment, as one over a network may be. What was read in this view is of
	// no use any more; begin again. Such a store waits by itself where waiting is all there is to do: a call errs so only
	// for a view under way, or when its context ends while it waits.
	ErrAway = errors.New("store cannot be reached")

	// ErrUnfinished: the store is the target of a copy that did not reach its end.
	ErrUnfinished = errors.New("store holds an unfinished copy")

	// ErrNotEmpty: a copy was to go into a store that holds something.
	ErrNotEmpty = errors.New("store is not empty")

	// ErrFailed: the store can no longer promise that writes reach the disk. Only opening it again helps.
	ErrFailed = errors.New("store has failed")

	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")

	// ErrLocked: another process, or another Store value of this one, has the store open.
	ErrLocked = errors.New("store is in use")
)
