package postgres

import (
	"context"
	"net"
	"strconv"
)

// OpenDialing is Open with a way of its own to the server for the connection that writes.
func OpenDialing(ctx context.Context, dsn string, o Options, dial func(ctx context.Context, network, addr string) (net.Conn, error)) (*Store, error) {
	config, err := configure(dsn)
	if err != nil {
		return nil, err
	}
	if err := o.complete(config.RuntimeParams["search_path"]); err != nil {
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

// HostPort is where an address leads.
func HostPort(dsn string) (host, port string) {
	c, err := configure(dsn)
	if err != nil {
		return "", ""
	}
	return c.Host, strconv.Itoa(int(c.Port))
}

// OpenAt is Open by way of another address.
func OpenAt(ctx context.Context, dsn, address string, o Options) (*Store, error) {
	config, err := configure(dsn)
	if err != nil {
		return nil, err
	}
	config.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	if err := o.complete(config.RuntimeParams["search_path"]); err != nil {
		return nil, err
	}
	return openWith(ctx, config, config, o)
}
