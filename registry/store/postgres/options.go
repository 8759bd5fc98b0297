package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/rs/zerolog"
)

// Options say how a store is opened. The zero value is right for a server.
type Options struct {
	// Schema is the schema that holds the store, made if it is not there; default the address's parameter search_path, or
	// else "gridtie". Nothing else belongs in it.
	Schema string

	// Readers is how many connections read at once, besides the one that writes; default 16. A view takes one from its
	// beginning to its end, a view in a view a second one.
	Readers int

	// Patience is how long calls wait for a server that is away before the store fails; 0 for as long as it takes, or
	// until GiveUp. It must be longer than a failover takes.
	Patience time.Duration

	// Logger gets what an operator should know: the server is away, is back, the store has failed. The zero value logs
	// nothing. No key, value or password is ever logged.
	Logger zerolog.Logger
}

func (o *Options) complete(searchPath string) error {
	o.Schema = cmp.Or(o.Schema, searchPath, "gridtie")
	if !regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`).MatchString(o.Schema) {
		return fmt.Errorf("schema %q: want a lower-case letter, then lower-case letters, digits and underscores", o.Schema)
	}
	if o.Readers <= 0 {
		o.Readers = 16
	}
	return nil
}

// silence is how long a server may take to answer before another one is asked, or the same one again.
func (o *Options) silence() time.Duration {
	const longest = 20 * time.Second
	if o.Patience <= 0 {
		return longest
	}
	return min(o.Patience/3, longest)
}

// patience bounds waiting.
func (o *Options) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if o.Patience <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeout(ctx, o.Patience)
}

// errAddress says nothing of the address that could not be read: somewhere in it is a password.
var errAddress = errors.New("the database's address cannot be read, want postgres://USER@HOST:PORT/DATABASE " +
	"or a libpq connection string")

// configure reads an address.
func configure(dsn string) (*pgx.ConnConfig, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, errAddress
	}
	if c.ConnectTimeout == 0 {
		c.ConnectTimeout = 10 * time.Second
	}
	c.DialFunc = (&net.Dialer{KeepAliveConfig: net.KeepAliveConfig{
		Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 3,
	}}).DialContext
	if c.ValidateConnect == nil { // of several servers, the one that can be written
		c.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	for name, value := range map[string]string{
		// A dead client's lock is held no longer than this.
		"tcp_keepalives_idle": "10", "tcp_keepalives_interval": "5", "tcp_keepalives_count": "3",
		// Limits meant for people at a prompt do not suit a server that waits on purpose.
		"statement_timeout": "0", "lock_timeout": "0", "idle_in_transaction_session_timeout": "0",
		// All that is asked for is asked for by key. A plan made while a table was empty would not use its index.
		"enable_seqscan": "off", "enable_bitmapscan": "off", "jit": "off",
	} {
		c.RuntimeParams[name] = value
	}
	if c.RuntimeParams["application_name"] == "" {
		c.RuntimeParams["application_name"] = "gridtie"
	}
	return c, nil
}
