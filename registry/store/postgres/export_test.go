package postgres

import (
	"context"
	"net"
)

// OpenDialing is Open with a way of its own to the server for the connection that writes.
func OpenDialing(ctx context.Context, dsn string, o Options, dial func(ctx context.Context, network, addr string) (net.Conn, error)) (*Store, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	config, err := configure(dsn)
	if err != nil {
		return nil, err
	}
	writing := config.Copy()
	writing.DialFunc = dial
	return openWith(ctx, writing, config, o)
}

// Setting returns a setting of the connection that writes, of a store that nobody writes to.
func (s *Store) Setting(ctx context.Context, name string) (value string, err error) {
	err = s.session.conn.QueryRow(ctx, "SELECT current_setting($1)", name).Scan(&value)
	return value, err
}
