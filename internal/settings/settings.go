// Package settings is how a server is configured: one YAML file, and for every key of it a flag and a variable. A flag
// wins over its variable, that over the file, the file over the default.
//
// Learn two types: [Settings] is what is in force, [Key] describes one setting. Adding one is a field and a row in
// Keys; the flag, the variable, the documentation and the checks follow. Load reports all faults at once, those of the
// file with line and column. Everything here is plain values, safe to share.
package settings

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry/rate"
)

// Off is the address of a listener that is not wanted.
const Off = "off"

// Settings is what a server runs with.
type Settings struct {
	Data                           string      // folder, made with mode 0700 if absent
	Store                          secret.Text // address of a PostgreSQL database; empty for a store in Data
	MQTT                           string      // HOST:PORT or Off
	MQTTS                          string      // HOST:PORT or Off: over TLS
	HTTP                           string      // HOST:PORT or Off
	HTTPS                          string      // HOST:PORT or Off: over TLS
	CoAP                           string      // HOST:PORT or Off
	CoAPS                          string      // HOST:PORT or Off: over DTLS
	Admin                          string      // HOST:PORT or Off: health and metrics only
	Chains                         string      // folder of chain files; empty for the built-in set
	Profiles                       string      // folder of profile files; empty for none
	Secrets                        string      // folder of secrets that profile files name; empty for none
	ServerKeyFile                  string      // empty for server.key in Data
	TLSCertificateFile, TLSKeyFile string      // PEM; empty: no TLS
	LogLevel                       zerolog.Level
	LogFormat                      string // auto, console or json

	MaxConnections int // devices connected at once
	MaxPacket      int // bytes of one MQTT packet
	MaxDevices     int // of the installation; 0 for any number
	AddressRate    rate.Limit
}

// Key describes one setting.
type Key struct {
	Name    string // as in the file; the flag is --Name
	Default string
	Doc     string // one line, with unit and range
	set     func(s *Settings, value string) error
	show    func(value string) string // what may be seen of the value; nil for all of it
	hide    func(value string) error  // errs if the value must not be an argument, which everybody on the machine can read
}

// Variable is the environment variable of the key.
func (k Key) Variable() string {
	return "GRIDTIE_" + strings.ToUpper(strings.ReplaceAll(k.Name, "-", "_"))
}

// Keys is every setting there is, in the order of the documentation.
func Keys() []Key {
	return []Key{
		{
			Name: "data", Default: "./gridtie-data", Doc: "folder that holds everything the server knows; belongs to one process",
			set: text(func(s *Settings) *string { return &s.Data }),
		},
		{
			Name: "store", Default: "",
			Doc: "address of a PostgreSQL database for what the server knows, postgres://USER@HOST:PORT/DATABASE; the data folder if empty",
			set: func(s *Settings, value string) (err error) {
				s.Store, err = StoreAddress(value)
				return err
			},
			show: ShowStore, hide: HideStore,
		},
		{
			Name: "mqtt", Default: "127.0.0.1:1883", Doc: "address for devices that speak MQTT without TLS: HOST:PORT or off",
			set: address(func(s *Settings) *string { return &s.MQTT }),
		},
		{
			Name: "mqtts", Default: Off, Doc: "address for devices that speak MQTT over TLS, ThingsBoard's port is 8883: HOST:PORT or off",
			set: address(func(s *Settings) *string { return &s.MQTTS }),
		},
		{
			Name: "http", Default: "127.0.0.1:8080", Doc: "address for devices that speak HTTP without TLS: HOST:PORT or off",
			set: address(func(s *Settings) *string { return &s.HTTP }),
		},
		{
			Name: "https", Default: Off, Doc: "address for devices that speak HTTP over TLS: HOST:PORT or off",
			set: address(func(s *Settings) *string { return &s.HTTPS }),
		},
		{
			Name: "coap", Default: "127.0.0.1:5683", Doc: "address for devices that speak CoAP without DTLS: HOST:PORT or off",
			set: address(func(s *Settings) *string { return &s.CoAP }),
		},
		{
			Name: "coaps", Default: Off, Doc: "address for devices that speak CoAP over DTLS, ThingsBoard's port is 5684: HOST:PORT or off",
			set: address(func(s *Settings) *string { return &s.CoAPS }),
		},
		{
			Name: "admin", Default: "127.0.0.1:9464", Doc: "address for /healthz, /readyz and /metrics: HOST:PORT or off",
			set: address(func(s *Settings) *string { return &s.Admin }),
		},
		{
			Name: "chains", Default: "", Doc: "folder of chain files; the built-in chains if empty",
			set: optional(func(s *Settings) *string { return &s.Chains }),
		},
		{
			Name: "profiles", Default: "", Doc: "folder of profile files, which may be that of the chains; none if empty",
			set: optional(func(s *Settings) *string { return &s.Profiles }),
		},
		{
			Name: "secrets", Default: "", Doc: "folder of the secrets that profile files name, a file for each; variables GRIDTIE_SECRET_… only if empty",
			set: optional(func(s *Settings) *string { return &s.Secrets }),
		},
		{
			Name: "server-key-file", Default: "", Doc: "file of the key that seals secrets; server.key in the data folder if empty",
			set: optional(func(s *Settings) *string { return &s.ServerKeyFile }),
		},
		{
			Name: "tls-certificate-file", Default: "", Doc: "PEM file of the server's certificate, followed by those that lead to its root",
			set: optional(func(s *Settings) *string { return &s.TLSCertificateFile }),
		},
		{
			Name: "tls-key-file", Default: "", Doc: "PEM file of the certificate's private key",
			set: optional(func(s *Settings) *string { return &s.TLSKeyFile }),
		},
		{
			Name: "log-level", Default: "info", Doc: "least important log lines to write: debug, info, warn or error",
			set: logLevel,
		},
		{
			Name: "log-format", Default: "auto", Doc: "form of log lines: console, json, or auto for console on a terminal only",
			set: logFormat,
		},
		{
			Name: "max-connections", Default: "100000", Doc: "devices that may be connected at once, from 1",
			set: number(1, 10_000_000, func(s *Settings) *int { return &s.MaxConnections }),
		},
		{
			Name: "max-packet", Default: "65536", Doc: "largest MQTT packet, and largest body of an HTTP request, taken from a device, in bytes, 1024 to 268435455",
			set: number(1024, 268_435_455, func(s *Settings) *int { return &s.MaxPacket }),
		},
		{
			Name: "max-devices", Default: "0", Doc: "devices that there may be, of all profiles; those that are there stay. 0 for any number",
			set: number(0, 1_000_000_000, func(s *Settings) *int { return &s.MaxDevices }),
		},
		{
			Name: "address-rate", Default: "",
			Doc: "messages that may come from one address (IPv6: one /64 network), CAPACITY:SECONDS, several with commas; any number if empty",
			set: func(s *Settings, value string) error {
				s.AddressRate = rate.Limit(value)
				if err := s.AddressRate.Check(); err != nil {
					return fmt.Errorf("is wrong: %w; %s", err, rate.Example)
				}
				return nil
			},
		},
	}
}

func text(field func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, value string) error {
		if value == "" {
			return errors.New("is empty")
		}
		*field(s) = value
		return nil
	}
}

func optional(field func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, value string) error {
		*field(s) = value
		return nil
	}
}

func address(field func(*Settings) *string) func(*Settings, string) error {
	return func(s *Settings, value string) error {
		if value != Off {
			_, port, err := net.SplitHostPort(value)
			if err != nil {
				return fmt.Errorf("%q is neither HOST:PORT nor off", value)
			}
			if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65535 {
				return fmt.Errorf("%q has no port between 0 and 65535", value)
			}
		}
		*field(s) = value
		return nil
	}
}

func number(low, high int, field func(*Settings) *int) func(*Settings, string) error {
	return func(s *Settings, value string) error {
		n, err := strconv.Atoi(value)
		if err != nil || n < low || n > high {
			return fmt.Errorf("%q is not a whole number from %d to %d", value, low, high)
		}
		*field(s) = n
		return nil
	}
}

func logLevel(s *Settings, value string) error {
	switch value {
	case "debug", "info", "warn", "error":
		s.LogLevel, _ = zerolog.ParseLevel(value) // cannot err for these four
		return nil
	}
	return fmt.Errorf("%q is not debug, info, warn or error", value)
}

func logFormat(s *Settings, value string) error {
	switch value {
	case "auto", "console", "json":
		s.LogFormat = value
		return nil
	}
	return fmt.Errorf("%q is not auto, console or json", value)
}
