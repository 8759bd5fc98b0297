package registry

import (
	"errors"

	"github.com/gridtie/gridtie/registry/store"
)

// What a caller can act upon; use errors.Is.
var (
	// ErrConflict: a row that the transaction decided on has changed. Repeat the run.
	ErrConflict = errors.New("a row that was decided on has changed")

	// ErrAway: the store cannot be reached at the moment, and what the transaction read or would write is lost. Wait with
	// Reach, and repeat the run.
	ErrAway = store.ErrAway

	// ErrNotFound: there is no such thing; for CheckProvisioning also a wrong secret, which must look the same.
	ErrNotFound = errors.New("not found")

	// ErrExists: the name, id or key is taken.
	ErrExists = errors.New("exists already")

	// ErrInvalid: what was asked for makes no sense; the error says what.
	ErrInvalid = errors.New("invalid")

	// ErrInUse: other things hang on it.
	ErrInUse = errors.New("in use")

	// ErrUnauthorized, ErrBadClientID and ErrNoCredentials are the three refusals of Authenticate: wrong user name or
	// password; unknown client id and nothing else given; nothing given at all, or a bad certificate.
	ErrUnauthorized  = errors.New("not authorized")
	ErrBadClientID   = errors.New("client identifier is not valid")
	ErrNoCredentials = errors.New("no credentials")

	// ErrServerKey: the registry was sealed with another server key.
	ErrServerKey = errors.New("the server key does not open this registry")

	// ErrSchema: the registry was written by a newer version.
	ErrSchema = errors.New("the registry has a newer schema")
)
