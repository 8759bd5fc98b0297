// Package store is the narrow transactional interface on which the registry stands: ordered opaque keys, opaque
// values, batches with preconditions. It knows nothing of devices.
//
// Learn four types: [Store] is one open store, [Reader] one snapshot of it, [Batch] what is applied as a whole, and
// [LSN] how far the disk has come. The stores themselves live below (pebble), and the package storetest holds the
// suite that every one of them passes.
//
// # The usual round
//
//	var seen []store.Check
//	rests, err := s.View(ctx, func(r store.Reader) error {
//		v, ok, err := r.Get(key)
//		seen = append(seen, store.Check{Key: key, At: r.At()}) // whether or not it was there
//		…
//	})
//	lsn, err := s.Apply(ctx, store.Batch{Checks: seen, Puts: …}) // ErrConflict: read again
//	err = s.Sync(ctx, lsn)                                       // before anything leaves the process
//
// A run that wrote nothing answers after Sync(ctx, rests): what it read may not be on disk yet.
//
// # Two positions, and why they differ
//
// A reader rests on state, and it decides on state. The first must never be named too low, the second never too
// high, so a view has two positions, of two types: [Stamp] for checks and [LSN] for waiting.
//
// Each batch B has a number n(B), given in the order in which batches are applied. Applying it is three steps, in
// this order, and no two batches are applied at once:
//
//	a1  applied := n(B)
//	a2  B becomes visible, as a whole
//	a3  visible := n(B)
//
// A view is also three steps:
//
//	v1  At := visible
//	v2  the snapshot S is taken
//	v3  rests := applied
//
// Lemma 1: every batch that S shows has n(B) <= rests. S shows B, so a2 came before v2; a1 came before a2, v3 after
// v2, and applied never falls. Hence who waits for Sync(rests) has waited for all that it saw.
//
// Lemma 2: S shows every batch with n(B) <= At. Visible reached At before v1, and by a3 every batch up to At was
// visible by then; S was taken later. Hence a write to a key that S does not show has a number above At, and the
// check (key, At), which passes only if the last write of the key is <= At, fails.
//
// Less formally: with one number for both, a batch could be counted (a1) but not yet visible (a2) when the snapshot
// is taken. The reader would be told that it had seen it, the check would pass, and the update would be lost. The
// price of two numbers is that a batch that becomes visible between v1 and v2 is seen and yet fails the check: a
// needless repeat, never a wrong answer.
//
// # Concurrency and lifetime
//
// A Store may be used by many goroutines at once; a Reader belongs to the callback of its view. A store is open until
// Close, or until a flush fails, which is final: the operating system may drop what it could not write and report
// success the next time, so that nothing written from then on could be believed (see [Store].Failed).
package store
