package server

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/web"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/folder"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/store"
)

// Server is a running server.
type Server struct {
	options Options
	started time.Time

	folder  *folder.Folder
	store   store.Store
	core    *Core
	metrics *metrics
	mqtt    *mqttserver.Server
	web     *web.Handler
	coap    coapSide
	chains  *chainFolder // nil for the built-in set without profiles

	socket    net.Listener // of the command line
	entrances []entrance
}

// Open starts everything up to the listeners: devices can connect, and are served once Run is called. A Server that was
// opened has to be run.
func Open(ctx context.Context, o Options) (_ *Server, err error) {
	s := &Server{options: o, started: o.now(), metrics: newMetrics()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(ctx))
		}
	}()
	if s.folder, err = folder.Open(o.Data); err != nil {
		return nil, err
	}
	st, key, err := openStore(ctx, s.folder, o)
	if err != nil {
		return nil, err
	}
	s.store = st
	set, err := o.folders().Read()
	if err != nil {
		return nil, err
	}
	if s.core, err = NewCore(ctx, s.store, key, CoreOptions{
		Chains: set.Chains, From: s.chainsFrom(), Profiles: set.Profiles, Clock: o.Clock, Logger: o.Logger, Observer: s.metrics.devices(), Wrap: s.metrics.timed,
		MaxDevices: o.MaxDevices, AddressRate: o.AddressRate,
	}); err != nil {
		return nil, err
	}
	if o.Chains != "" || o.Profiles != "" {
		s.chains = newChainFolder(s.core, set, s.metrics.counters.reloads, o)
	}
	s.mqtt = mqttserver.New(mqttserver.Options{
		Limits: mqttserver.Limits{Connections: o.MaxConnections, PacketBytes: o.MaxPacket},
		Logger: o.Logger, Observer: s.metrics.mqtt(),
	}, door{s.store}, thingsboard.New(s.core.Devices, thingsboard.Options{PacketBytes: o.MaxPacket, Logger: o.Logger}))
	s.web = web.New(s.core.Devices, web.Options{Body: int64(o.MaxPacket), Logger: o.Logger, Observer: s.metrics.web()})
	s.coap = s.newCoAP()
	s.metrics.watch(s)
	err = s.listen()
	return s, err
}

// Misconfigured says that err is a fault of the configuration, not of what happened.
func Misconfigured(err error) bool {
	var chains *ChainsError
	var key *folder.KeyError
	var elsewhere *folder.ElsewhereError
	var certificate *CertificateError
	return errors.As(err, &chains) || errors.As(err, &certificate) || errors.As(err, &key) || errors.As(err, &elsewhere) || errors.Is(err, registry.ErrServerKey)
}

// Fresh says that this start made the registry.
func (s *Server) Fresh() bool { return s.folder.Fresh }

// Registry is the server's registry, open until Run returns.
func (s *Server) Registry() *registry.Registry { return s.core.Registry }

// Engine is the server's engine.
func (s *Server) Engine() *engine.Engine { return s.core.Engine }

func (s *Server) chainsFrom() string {
	if s.options.Chains == "" {
		return builtIn
	}
	return s.options.Chains
}
