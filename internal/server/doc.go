// Package server puts the product together: store, registry, chains, engine, devices, listeners.
//
// Learn three types:
//
//   - [Server] is all of it on a data folder: [Open] starts everything up to the listeners, Run serves until its context
//     ends, then drains.
//   - [Core] is the part without folder and sockets, over any store: what tests of crashes and embedding programs take.
//   - [Local] is the admin API on a folder on which no server runs, for the command line.
//
// # Start and stop
//
// The order of the start is that of the fields in Server: what comes later may use what came before. Pending rows are
// queued before any listener opens. Stopping goes backwards, within fifteen seconds: listeners close and their last
// messages are acknowledged, the engine drains, what is written lazily is written, the store closes, the folder is given
// back. A failed flush of the store is final: Run ends with that error, and nothing is acknowledged from then on.
//
// # Changing chains and profiles
//
// Core.Use puts a [FileSet], chains and the profiles of files, in the place of the one in force, or finds out why not; a
// chainFolder calls it with what [Folders] hold, whenever a folderWatch says that they may have changed or the admin API asks.
// The profiles are rows of the registry, written as one batch; the chains are swapped when it is applied. The files that
// messages are tried on change with the set.
//
// All types are safe for concurrent use.
package server
