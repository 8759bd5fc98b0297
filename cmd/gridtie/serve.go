package main

import (
	"cmp"
	"fmt"
	"net"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/logs"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/internal/settings"
)

func (a *app) serve() *cobra.Command {
	cmd := &cobra.Command{
		Use: "serve", Short: "Run the server", Args: args(0, ""),
		Long: "Run the server until it is told to stop (SIGTERM or Ctrl-C): it then takes no more messages, finishes those it has,\n" +
			"and exits with 0.\n\n" +
			"The first start makes the data folder and a profile \"meters\" with a generated key and secret. All addresses are\n" +
			"on this machine unless they are set otherwise: --mqtt 0.0.0.0:1883 opens to the network.",
		Example: "  gridtie serve\n  gridtie serve --data /var/lib/gridtie --mqtt 0.0.0.0:1883 --log-format json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, _, err := a.settings(cmd)
			if err != nil {
				return err
			}
			log := a.logger(s, s.LogLevel)
			srv, err := server.Open(cmd.Context(), a.serverOptions(s, log))
			if err != nil {
				return asConfig(err)
			}
			a.banner(srv)
			if !a.Terminal || !a.ErrTerminal { // who reads the banner need not read it twice
				log.Info().Str("version", release).Str("data", s.Data).Str("revision", srv.Status().Chains.Revision).
					Interface("addresses", srv.Addresses()).Str("event", "server_started").Send()
			}
			return srv.Run(cmd.Context())
		},
	}
	settingFlags(cmd)
	return cmd
}

func (a *app) serverOptions(s settings.Settings, log zerolog.Logger) server.Options {
	return server.Options{
		Data: s.Data, Store: s.Store, MQTT: s.MQTT, MQTTS: s.MQTTS, HTTP: s.HTTP, HTTPS: s.HTTPS, CoAP: s.CoAP, CoAPS: s.CoAPS, Admin: s.Admin, Chains: s.Chains,
		Profiles: s.Profiles, Secrets: s.Secrets, Variable: a.variable, ServerKeyFile: s.ServerKeyFile,
		CertificateFile: s.TLSCertificateFile, CertificateKeyFile: s.TLSKeyFile,
		MaxConnections: s.MaxConnections, MaxPacket: s.MaxPacket, MaxDevices: s.MaxDevices, AddressRate: s.AddressRate, Version: release, Logger: log,
	}
}

func (a *app) logger(s settings.Settings, level zerolog.Level) zerolog.Logger {
	return logs.New(logs.Options{
		Out: a.Err, Level: level, Colour: a.Colour && a.ErrTerminal,
		Console: s.LogFormat == "console" || s.LogFormat == "auto" && a.ErrTerminal,
	})
}

// banner says where the server listens and what to try next.
func (a *app) banner(srv *server.Server) {
	st := srv.Status()
	made := ""
	if srv.Fresh() {
		made = " (new)"
	}
	a.say("Gridtie %s  data %s%s  chains %s, revision %s", release, st.Data, made, st.Chains.From, short(st.Chains.Revision))
	var open bool
	for _, l := range []struct{ name, what string }{
		{"mqtt", "ThingsBoard dialect, no TLS"},
		{"mqtts", "ThingsBoard dialect, TLS"},
		{"http", "ThingsBoard dialect, no TLS"},
		{"https", "ThingsBoard dialect, TLS"},
		{"coap", "ThingsBoard dialect, no DTLS"},
		{"coaps", "ThingsBoard dialect, DTLS"},
		{"admin", "/healthz /readyz /metrics"},
	} {
		address := st.Addresses[l.name]
		if address == "" {
			continue
		}
		what := l.what
		switch {
		case l.name == "admin":
		case local(address):
			what += ": this machine only"
		case l.name == "mqtts", l.name == "https", l.name == "coaps":
			what += ": open to the network"
		default:
			what, open = what+": OPEN TO THE NETWORK", true
		}
		a.say("  %-6s %-22s %s", l.name, address, what)
	}
	if open {
		a.talk("warning: an address is open to the network without TLS: device credentials and supplier keys travel in clear")
	}
	if st.Profiles != nil {
		a.say("Profiles %s: %s", st.Profiles.From, cmp.Or(joinComma(st.Profiles.Names), "none yet"))
	} else if srv.Fresh() {
		a.say("Profile %q was made. Its provisioning key and secret: gridtie profiles show %s --reveal", server.FirstProfile, server.FirstProfile)
	}
	flag := ""
	if st.Data != settings.Keys()[0].Default {
		flag = " --data " + st.Data
	}
	_, port, _ := net.SplitHostPort(st.Addresses["mqtt"])
	a.say("\nTry:  gridtie suppliers add acme%s\n      gridtie suppliers add-key acme --generate%s", flag, flag)
	if port != "" {
		a.say("      mosquitto_pub -p %s -u provision -t /provision/request -m '%s'", port,
			`{"deviceName":"meter-1","provisionDeviceKey":"…","provisionDeviceSecret":"…"}`)
	}
}

// local says that an address can be reached from this machine only.
func local(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// asConfig tells what the operator has written wrongly from what went wrong.
func asConfig(err error) error {
	if server.Misconfigured(err) {
		return &configError{fmt.Errorf("starting the server: %w", err)}
	}
	return err
}
