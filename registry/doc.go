// Package registry is what an installation knows, and the rules by which it changes: profiles, devices and their
// credentials, suppliers and their keys, grids, supply points, attachments, attributes, the latest time series,
// outcomes, pending work and dead letters.
//
// Learn three types:
//
//   - [Registry] is an open registry. Its methods are verbs of the domain (Provision, Authenticate, SupplierByKey,
//     GridOf, Attach, SaveAttributes, …), each idempotent, each saying what happened.
//   - [Tx] gathers what verbs do and applies it as one batch. [Registry.Begin] puts it into a context; a verb that
//     finds one there reads through it and writes into it, and nothing is decided before [Tx.Commit]. A verb without
//     one runs in a transaction of its own, repeats it on a conflict, and returns once the disk has it.
//   - [Code] is what came out, such as ATTACHED or KEY_EXPIRED. [Lookup] tells what each of them means to operators,
//     devices and protocols.
//
// # Decisions
//
// A transaction sees committed state plus its own writes. Every row it reads is a row it may decide on: Commit fails
// with [ErrConflict] when one of them has been written meanwhile, absence included, and the run repeats. Scans are not
// checked; what must be unique has a claim row.
//
// # Secrets
//
// The server key (Options.ServerKey) seals a random data key that lives in the store. From it come the keyed hashes of
// supplier keys, of which nothing else is kept, and the cipher for tokens and provisioning secrets, which protocols
// must be able to give back. CUPS stand in clear in the store only: what a noun of this package prints or marshals is
// masked, and [Attachment.Point] is the deliberate way to the clear text.
//
// # Concurrency and lifetime
//
// A Registry may be used by many goroutines at once; a Tx by one at a time. Open starts two goroutines, for what is
// written lazily and for the hooks; Close ends both. Close does not close the store.
package registry
