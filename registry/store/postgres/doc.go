// Package postgres keeps a [store.Store] in a PostgreSQL database, where operators can read it with SQL.
//
// [Open] and [Options] are all there is to learn; [Drop] takes a store away again. The rest is the contract of package
// store.
//
// # Where rows are
//
// A key that begins with a table's name, as the registry writes it (the name, then the bytes 00 01), is a row of the
// SQL table of that name, "dead-letter/device" being dead_letter__device; the rest of the key is the primary key, whose
// type bytea orders by bytes. Any other key is in the table _rows. Each table has three columns:
//
//	key    bytea   what follows the table's name
//	value  bytea   the row, byte for byte as it was put
//	doc    jsonb   the same for whoever asks in SQL; null where the value is not JSON, or not JSON that jsonb can hold
//
// The store reads value only. The type jsonb would not do in its place: it sorts names, drops the second of two and
// rewrites numbers, whereas a store gives back what it was given. Changing a row in SQL while a program has the store
// open is a mistake, also because value and doc would differ.
//
//	SELECT doc->>'name', doc->>'profile' FROM gridtie.device LIMIT 10;
//
// # How it works
//
// One connection writes. What waits is taken, up to 256 batches, into one transaction: checks are compared with a table
// in memory of last writes, as in package pebble, then all rows of a group go out in one pipeline. The group's last
// LSN is a row of that transaction (_commits), so that the database itself tells which states it holds. Other
// connections read, each view in a REPEATABLE READ transaction that begins by asking which state its snapshot shows:
// stamp and LSN of a view are that number, exactly. The transaction stays open for the next view, for a moment, and
// serves it if nothing was committed since; otherwise a view costs one round trip before its first read.
//
// A batch is visible when it is committed, and committed means on disk. So Apply takes as long as a commit, Sync mostly
// returns at once, and who applies one batch after another waits for the disk each time; only batches of different
// callers share a commit. An overlay in memory of what is under way would take that wait away, for the price of every
// read going through it.
//
// # The server goes away
//
// Calls wait and try again with growing pauses, until GiveUp or the end of Options.Patience; then the store fails. A
// commit whose answer was lost is not guessed at: the new connection first takes the lock that the old one held, after
// which the old one can do nothing any more, and then reads whether the group's LSN is there. What cannot be mended is
// final at once: another process has used the store meanwhile, or the database lacks what it had acknowledged (restored,
// or failed over to a standby that was behind). A view under way goes on over another connection if that shows the same
// state; otherwise its reads err with [store.ErrAway]: begin the view again. So does a call whose context ends while it
// waits.
//
// # Concurrency and lifetime
//
// A store belongs to one Store value at a time, by an advisory lock of the writing connection; a second gets
// [store.ErrLocked]. The lock belongs to a session, so a pooler must not share sessions among clients. Should several
// processes share a store one day, each group's transaction would also write the hashes of its keys beside its LSN,
// under a row lock in place of the session's, and each process would read what others wrote since into its table of
// last writes before it compares; absence is covered as it is now.
package postgres
