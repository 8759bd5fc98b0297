package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
)

// entrance is an address that the server listens on.
type entrance struct {
	name  string // of the setting
	at    net.Addr
	serve func(context.Context) error // until the context ends
	close func() error
}

// listen opens every address that is wanted. What is open when one fails is closed with the server.
func (s *Server) listen() (err error) {
	if s.socket, err = s.folder.Listen(); err != nil {
		return err
	}
	o, plain := s.options, (*tls.Config)(nil)
	secure, err := s.secure()
	if err != nil {
		return err
	}
	for _, e := range []struct {
		name, address string
		tls           *tls.Config
		serve         func(context.Context, net.Listener) error
	}{
		{"admin", o.Admin, plain, s.servePublic},
		{"mqtt", o.MQTT, plain, s.mqtt.Serve},
		{"mqtts", o.MQTTS, secure, s.mqtt.Serve},
		{"http", o.HTTP, plain, s.serveDevices},
		{"https", o.HTTPS, secure, s.serveDevices},
	} {
		if err := s.openTCP(e.name, e.address, e.tls, e.serve); err != nil {
			return err
		}
	}
	if err := s.openCoAP(); err != nil {
		return err
	}
	if err := s.folder.WriteAddresses(s.Addresses()); err != nil {
		return fmt.Errorf("writing the addresses: %w", err)
	}
	return nil
}

// secured are the addresses that need a certificate.
func (o Options) secured() []string {
	var names []string
	for _, e := range []struct{ name, address string }{{"mqtts", o.MQTTS}, {"https", o.HTTPS}} {
		if e.address != "" && e.address != Off {
			names = append(names, e.name)
		}
	}
	return names
}

func (s *Server) openTCP(name, address string, secure *tls.Config, serve func(context.Context, net.Listener) error) error {
	if address == "" || address == Off {
		return nil
	}
	listen := net.Listen
	if name == "mqtt" || name == "mqtts" {
		listen = mqttserver.Listen // without what such connections do not need
	}
	l, err := listen("tcp", address)
	if err != nil {
		return &AddressError{Flag: name, err: err}
	}
	at := l.Addr()
	if name == "http" || name == "https" {
		l = newCallers(l, s.options.MaxConnections) // below TLS: a handshake takes a place, too
	}
	if secure != nil {
		l = tls.NewListener(l, secure)
	}
	s.entrances = append(s.entrances, entrance{
		name: name, at: at, close: l.Close,
		serve: func(ctx context.Context) error { return serve(ctx, l) },
	})
	return nil
}

// AddressError is an address that cannot be listened on.
type AddressError struct {
	Flag string
	err  error
}

func (e *AddressError) Error() string { return "opening " + e.Flag + ": " + e.err.Error() }
func (e *AddressError) Unwrap() error { return e.err }

// Hint is what mends it.
func (e *AddressError) Hint() string { return "--" + e.Flag + " names another address, or off" }

// Addresses are where the server listens, by the names of their settings, with the ports that port 0 became and without
// those that are off.
func (s *Server) Addresses() map[string]string {
	all := map[string]string{}
	for _, e := range s.entrances {
		all[e.name] = e.at.String()
	}
	return all
}

func closeAll(entrances []entrance) error {
	var errs []error
	for _, e := range entrances {
		errs = append(errs, notClosed(e.close()))
	}
	return errors.Join(errs...)
}

// notClosed is err unless it says that what was to be closed is closed already.
func notClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}
