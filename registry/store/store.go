package store

import (
	"context"
	"iter"
)

// LSN numbers the states of a store: each batch that writes makes the next one. Wait for it with Sync. It means
// something only to the Store value that gave it; opening a store again starts a new count.
type LSN uint64

// Stamp is the position of a reader for the sake of checks: all batches up to it are in what the reader sees. It is
// a type of its own because an LSN in its place would lose updates (see the package comment). The zero Stamp is
// given by no reader and is refused in a check.
type Stamp uint64

// Limits of what a store takes; more is ErrInvalid. A batch counts its keys and values.
const (
	MaxKey   = 2048     // bytes; a PostgreSQL index row ends at about 2,700
	MaxBatch = 64 << 20 // bytes
)

// Row is one key with its value.
type Row struct {
	Key, Value []byte
}

// Check is a condition of a batch: Key has not been written since the reader whose Stamp is At was taken. Putting
// the same value again, and deleting, are writes; a key that is not there can be checked like any other. A check may
// fail without such a write, though rarely; it never passes in spite of one.
type Check struct {
	Key []byte
	At  Stamp
}

// Put sets Key to Value. An empty value is a value; reading gives it back as empty, found.
type Put struct {
	Key, Value []byte
}

// Batch is applied as a whole or not at all. Deletes take effect first, then Puts in their order, so a key that is
// in both is there afterwards and the last Put of a key counts. Deleting an absent key is no error.
type Batch struct {
	Checks  []Check
	Puts    []Put
	Deletes [][]byte
}

// Reader reads one snapshot: nothing applied after it was taken shows. It must not be used outside the callback of
// its view, nor by two goroutines at once. Keys are ordered by bytes.Compare.
type Reader interface {
	// At is the position to put into a Check of what this reader read.
	At() Stamp

	// Get returns the value of key, and whether it is there. The value is valid until the view ends and must not be
	// changed.
	Get(key []byte) (value []byte, ok bool, err error)

	// Scan yields the rows with from <= key < to in ascending order; a nil (or empty) from or to is the first or the
	// last key there is. A row is valid until the next one is asked for and must not be changed. An error is yielded
	// once, as the last element. Breaking off early is fine, and so is nesting scans.
	Scan(from, to []byte) iter.Seq2[Row, error]

	// ScanReverse yields the same rows in descending order.
	ScanReverse(from, to []byte) iter.Seq2[Row, error]
}

// Store is an open store.
type Store interface {
	// View calls fn with one snapshot and returns the LSN that everything fn saw rests on, also if fn errs. An error
	// of fn is returned as it is; ctx is looked at before fn is called and between the rows of a scan.
	View(ctx context.Context, fn func(Reader) error) (LSN, error)

	// Apply applies b and returns its LSN when views show it, which is before it is on disk. A batch that writes
	// nothing makes no new state and returns an LSN that its checks rest on. ErrConflict, ErrInvalid, ErrClosed, ErrAway,
	// and a ctx that was done before the call: nothing was applied. After any other error (ErrFailed above all) b may or
	// may not be found when the store is opened again, as a whole. Apply keeps no slice of b.
	Apply(ctx context.Context, b Batch) (LSN, error)

	// Sync returns when the state lsn, and so every state before it, is on disk. An error other than ErrFailed says
	// nothing about that state. Waiting for an LSN that no call gave is ErrInvalid.
	Sync(ctx context.Context, lsn LSN) error

	// Applied is the newest state, Synced the newest one known to be on disk; Synced never exceeds Applied.
	Applied() LSN
	Synced() LSN

	// Failed is closed when a flush has failed, or anything else has that makes writes untrustworthy. That is final:
	// Err tells why, and every later Apply and Sync errs with ErrFailed, also Sync for a state that was on disk
	// before. What was acknowledged by Sync is there when the store is opened again.
	Failed() <-chan struct{}
	Err() error

	// Close waits for views and calls under way, flushes what is applied, and ends the store. It errs if that flush
	// does, or has before. Closing again is harmless; any other call then errs with ErrClosed.
	Close() error
}

// Remote is a Store that can be away for a while, and is waited for.
type Remote interface {
	Store

	// Away tells why the store takes nothing at the moment (it cannot be reached, its disk is full), nil if nothing is
	// known against it.
	Away() error

	// GiveUp ends all waiting, now and later: what waits for a store that is away errs, and a store to which nothing else
	// is left fails. One that is there goes on.
	GiveUp()
}

// Prefix returns the bounds that hold exactly the keys beginning with p: r.Scan(store.Prefix(p)).
func Prefix(p []byte) (from, to []byte) {
	for i := len(p) - 1; i >= 0; i-- {
		if p[i] != 0xff {
			to = append(append([]byte(nil), p[:i]...), p[i]+1)
			break
		}
	}
	return p, to
}
