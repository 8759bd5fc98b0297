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
)

// Off is the address of a listener that is not wanted.
const Off = "off"

// Settings is what a server runs with.
type Settings struct {
	Data          string // folder, made with mode 0700 if absent
	MQTT          string // HOST:PORT or Off
	Admin         string // HOST:PORT or Off: health and metrics only
	Chains        string // folder of chain files; empty for the built-in set
	ServerKeyFile string // empty for server.key in Data
	LogLevel      zerolog.Level
	LogFormat     string // auto, console or json

	MaxConnections int // devices connected at once
	MaxPacket      int // bytes of one MQTT packet
}

// Key describes one setting.
type Key struct {
	Name    string // as in the file; the flag is --Name
	Default string
	Doc     string // one line, with unit and range
	set     func(s *Settings, value string) error
}

// Variable is the environment variable of the key.
func (k Key) Variable() string {
	return "GRIDTIE_" + strings.ToUpper(strings.ReplaceAll(k.Name, "-", "_"))
}

// Keys is every setting there is, in the order of the documentation.
func Keys() []Key {
	return []Key{
		{
			"data", "./gridtie-data", "folder that holds everything the server knows; belongs to one process",
			text(func(s *Settings) *string { return &s.Data }),
		},
		{
			"mqtt", "127.0.0.1:1883", "address for devices that speak MQTT without TLS: HOST:PORT or off",
			address(func(s *Settings) *string { return &s.MQTT }),
		},
		{
			"admin", "127.0.0.1:9464", "address for /healthz, /readyz and /metrics: HOST:PORT or off",
			address(func(s *Settings) *string { return &s.Admin }),
		},
		{
			"chains", "", "folder of chain files; the built-in chains if empty",
			optional(func(s *Settings) *string { return &s.Chains }),
		},
		{
			"server-key-file", "", "file of the key that seals secrets; server.key in the data folder if empty",
			optional(func(s *Settings) *string { return &s.ServerKeyFile }),
		},
		{"log-level", "info", "least important log lines to write: debug, info, warn or error", logLevel},
		{"log-format", "auto", "form of log lines: console, json, or auto for console on a terminal only", logFormat},
		{
			"max-connections", "100000", "devices that may be connected at once, from 1",
			number(1, 10_000_000, func(s *Settings) *int { return &s.MaxConnections }),
		},
		{
			"max-packet", "65536", "largest MQTT packet taken from a device, in bytes, 1024 to 268435455",
			number(1024, 268_435_455, func(s *Settings) *int { return &s.MaxPacket }),
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
