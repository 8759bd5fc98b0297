package postgres

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/gridtie/gridtie/registry/store"
)

// errGone is why a store fails that nobody waits for any longer.
var errGone = errors.New("the database is away")

// away says that a server which cannot be reached is why something ended as it did.
func away(err error) error { return fmt.Errorf("%w: %w", store.ErrAway, plain(err)) }

// final is an error that trying again does not mend.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

func isFinal(err error) bool { return errors.As(err, new(final)) }

// code returns the SQLSTATE of an answer, "" if the server did not answer.
func code(err error) string {
	if answer := (*pgconn.PgError)(nil); errors.As(err, &answer) {
		return answer.Code
	}
	return ""
}

// judge sorts out what the server or the way to it says: what passes by itself is returned as it is, the rest as final.
func judge(err error) error {
	state := code(err)
	if state == "" {
		return err // no answer
	}
	switch state[:2] {
	case "08", // connection
		"40", // rolled back to end a deadlock or the like
		"53", // out of space, memory or connections
		"55", // a lock is held
		"57", // shutting down, starting up, cancelled
		"58": // input and output
		return err
	}
	if state == "25006" { // read only: a standby that is about to take over
		return err
	}
	return final{err}
}

// plain makes an error of the server fit to be shown: its text may quote a row where it is about data.
func plain(err error) error {
	answer := (*pgconn.PgError)(nil)
	if !errors.As(err, &answer) {
		return oneLine{err}
	}
	switch answer.Code[:2] {
	case "22", "23":
		return fmt.Errorf("database: SQLSTATE %s", answer.Code)
	}
	return fmt.Errorf("database: %s (SQLSTATE %s)", answer.Message, answer.Code)
}

// oneLine is an error told in one line: a connection that was tried twice has two.
type oneLine struct{ error }

func (e oneLine) Error() string { return strings.Join(strings.Fields(e.error.Error()), " ") }
func (e oneLine) Unwrap() error { return e.error }
