package server

import (
	"context"
	"net"

	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/coap"
	"github.com/gridtie/gridtie/registry/store"
)

// coapSide serves devices that speak CoAP.
type coapSide struct {
	*coapserver.Server
	dialect *coap.Dialect
}

func (s *Server) newCoAP() coapSide {
	o := s.options
	d := coap.New(s.core.Devices, coap.Options{Logger: o.Logger})
	return coapSide{dialect: d, Server: coapserver.New(coapserver.Options{
		Limits: coapserver.Limits{BodyBytes: o.MaxPacket}, Logger: o.Logger, Observer: &s.metrics.counters.coap,
	}, coapDoor{s.store, d})}
}

// openCoAP opens the two addresses of CoAP. Over DTLS every device that has a token or a password has a key, so that a
// certificate is a matter of choice.
func (s *Server) openCoAP() error {
	err := s.openUDP("coap", s.options.CoAP, func(ctx context.Context, c *net.UDPConn) error { return s.coap.Serve(ctx, c) })
	if err != nil {
		return err
	}
	with := coapserver.Security{PSK: s.coap.dialect.PSK}
	if o := s.options; wanted(o.CoAPS) && o.CertificateFile != "" {
		c := &certificate{file: o.CertificateFile, keyFile: o.CertificateKeyFile, now: o.now, log: o.Logger}
		if err := c.read(); err != nil {
			return err
		}
		with.Certificate = c.get
	}
	return s.openUDP("coaps", s.options.CoAPS, func(ctx context.Context, c *net.UDPConn) error {
		return s.coap.ServeDTLS(ctx, c, with)
	})
}

func (s *Server) openUDP(name, address string, serve func(context.Context, *net.UDPConn) error) error {
	if !wanted(address) {
		return nil
	}
	at, err := net.ResolveUDPAddr("udp", address)
	var c *net.UDPConn
	if err == nil {
		c, err = net.ListenUDP("udp", at)
	}
	if err != nil {
		return &AddressError{Flag: name, err: err}
	}
	s.entrances = append(s.entrances, entrance{
		name: name, at: c.LocalAddr(), close: c.Close,
		serve: func(ctx context.Context) error { return serve(ctx, c) },
	})
	return nil
}

func wanted(address string) bool { return address != "" && address != Off }

// coapDoor is what door is for MQTT.
type coapDoor struct {
	store store.Store
	coapserver.Handler
}

// Handle answers 5.03 while the disk is full.
func (d coapDoor) Handle(ctx context.Context, r *coapserver.Request, answer func(coapserver.Response)) {
	if full(d.store) != nil {
		answer(coapserver.Response{Code: message.ServiceUnavailable, Format: coapserver.NoFormat, MaxAge: 60})
		return
	}
	d.Handler.Handle(ctx, r, answer)
}
