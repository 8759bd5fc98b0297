// Package admin is how people and scripts govern a server: an HTTP API on a unix socket in the data folder, and the
// client that the command line uses. The socket's mode is the access control; there is no password and no TCP port.
//
// Learn three types: [Client] has one method for each thing that can be asked; [Problem] is every refusal, with a code
// to act upon and a hint to read; [Options] is what the handler stands on. The routes are one table (routes.go), from
// which the mux and the OpenAPI description at /openapi.json both come. The types in types.go are the contract: fields
// are added, never renamed.
//
// When no server runs, the command line opens the folder itself and asks the same handler in process (see [Local]), so
// that there is one code path. Supplier keys go in and never come out; a provisioning secret comes out of one route that
// says so; supply points come out masked.
//
// Handler and Client are safe for concurrent use.
package admin
