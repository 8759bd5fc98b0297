package server

import (
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/profilefile"
	"github.com/gridtie/gridtie/registry/rate"
)

// FirstProfile is the profile that the first start makes.
const FirstProfile = "meters"

// Off is the address of a listener that is not wanted.
const Off = "off"

// Options of a server. Data is mandatory; the zero value of all others works.
type Options struct {
	Data                                string                           // folder
	Store                               secret.Text                      // address of a PostgreSQL database; empty for a store in Data
	MQTT                                string                           // HOST:PORT; empty or Off for none
	MQTTS                               string                           // the same over TLS, which needs the two files
	HTTP                                string                           // HOST:PORT of the device API; empty or Off for none
	HTTPS                               string                           // the same over TLS
	CoAP                                string                           // HOST:PORT over UDP; empty or Off for none
	CoAPS                               string                           // the same over DTLS; with a certificate only if there is one
	CertificateFile, CertificateKeyFile string                           // PEM; read again when they change
	Admin                               string                           // HOST:PORT of health and metrics; empty or Off for none
	Chains                              string                           // folder of chain files; empty for the built-in set
	Profiles                            string                           // folder of profile files, which may be that of the chains; empty for none
	Secrets                             string                           // folder of the secrets that profile files name; empty for none
	Variable                            func(name string) (string, bool) // of the environment, for the same; nil for none
	ServerKeyFile                       string                           // empty for server.key in Data
	MaxConnections                      int                              // devices connected at once; 0 for the default
	MaxPacket                           int                              // bytes of an MQTT packet; 0 for the default
	MaxDevices                          int                              // that there may be; 0 for any number
	AddressRate                         rate.Limit                       // of messages from one address; empty for any number
	Version                             string
	Logger                              zerolog.Logger
	Clock                               func() time.Time // nil for time.Now
	FS                                  vfs.FS           // of the store; nil for the operating system's. Tests give one that fails
	ChainsSettle                        time.Duration    // how long the folder of chains must be quiet before it is read again; 0 for 200 ms
	ChainsPoll                          time.Duration    // how often it is looked at even if no change of it was reported; 0 for 5 s
}

// folders is where chains and profiles come from.
func (o Options) folders() Folders {
	return Folders{Chains: o.Chains, Profiles: o.Profiles, Secrets: profilefile.Secrets{Folder: o.Secrets, Variable: o.Variable}}
}

func (o Options) now() time.Time {
	if o.Clock != nil {
		return o.Clock()
	}
	return time.Now()
}
