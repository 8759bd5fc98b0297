package store

import "errors"

// What a caller can act upon. Stores wrap these; use errors.Is.
var (
	// ErrConflict: a check failed and nothing was applied. Read again and decide again.
	ErrConflict = errors.New("a row this batch depends on has changed")

	// ErrInvalid: the batch or the LSN makes no sense (empty or too long a key, too big a batch, a check without a
	// reader's Stamp). A fault of the caller; trying again does not help.
	ErrInvalid = errors.New("invalid batch")

	// ErrFailed: the store can no longer promise that writes reach the disk. Only opening it again helps.
	ErrFailed = errors.New("store has failed")

	// ErrClosed: the store was closed.
	ErrClosed = errors.New("store is closed")

	// ErrLocked: another process, or another Store value of this one, has the store open.
	ErrLocked = errors.New("store is in use")
)
