package mqttserver

import (
	"cmp"
	"math"
	"time"

	"github.com/rs/zerolog"
)

// Options of a server. The zero value works: default limits, no log, nothing observed.
type Options struct {
	Limits   Limits
	Logger   zerolog.Logger
	Observer Observer
}

// Limits bound what peers can cost. A field that is 0 has its default; a negative one too, unless it says otherwise.
type Limits struct {
	// Connections open at once, half-open ones included. Default 100,000; negative: none.
	Connections int
	// HalfOpen is the number of connections whose CONNECT is not answered yet. Default 1,024; negative: none.
	HalfOpen int
	// HalfOpenAddress is the same for one source: an IPv4 address or an IPv6 /64 network. Default 64; negative: none.
	HalfOpenAddress int
	// ConnectTimeout from accept to a whole CONNECT, however slowly it drips. Default 10 s.
	ConnectTimeout time.Duration
	// ConnectBytes is the largest CONNECT. Default 4,096.
	ConnectBytes int
	// PacketBytes is the largest packet after the CONNECT, its fixed header included. Default 65,536.
	PacketBytes int
	// TopicBytes is the longest topic or filter. Default 1,024.
	TopicBytes int
	// Filters is the number of filters in one SUBSCRIBE that reach the handler; the rest is refused. Default 8.
	Filters int
	// Inflight is the number of messages from one client without a verdict; then reading waits. A client of MQTT 5 is
	// told (Receive Maximum), and one QoS 1 or 2 message more closes its connection. Default 100.
	Inflight int
	// Unreleased is the number of QoS 2 messages without PUBREL; one more closes the connection. Default 1,024.
	Unreleased int
	// Inactivity closes a connection that asked for keep-alive 0. A client of MQTT 5 is told to send something within two
	// thirds of it. Default 600 s.
	Inactivity time.Duration
	// KeepAlive is the longest keep-alive that a client of MQTT 5 is granted, in whole seconds; one and a half times of it
	// closes the connection. Others cannot be told. Default 65,535 s, the longest there is.
	KeepAlive time.Duration
	// TopicAliases is the number of topic aliases that a client of MQTT 5 may set, at most 65,535. Default 10; negative:
	// none.
	TopicAliases int
	// OutboundMessages and OutboundBytes bound what waits for one client, also while it is away. Beyond, QoS 0 messages are
	// dropped, oldest first, and a message of QoS 1 or 2 closes the connection; one for a client that is away is refused to
	// who sends it. As many messages may wait for their PUBACK or PUBCOMP, at most 65,534. Default 100 and 262,144.
	OutboundMessages int
	OutboundBytes    int
	// Sessions is the number of sessions that may outlive their connections, of dialects that keep any. One more ends with
	// its connection, and a client of MQTT 5 is told. Default 10,000; negative: none.
	Sessions int
	// SessionExpiry is how long a session outlives its connection at most, in whole seconds; a client of MQTT 5 is told. Of
	// one of MQTT 3 that wants no clean session it is the time. Default 604,800 s, a week.
	SessionExpiry time.Duration
	// WriteTimeout is how long a client may take to read what is written at once, up to 16 KiB or one message; a
	// quarter less if something was written shortly before. Default 10 s.
	WriteTimeout time.Duration
	// DrainTimeout is how long the server waits for verdicts when it stops. Default 5 s.
	DrainTimeout time.Duration
}

func (l Limits) withDefaults() Limits {
	l.Connections = cmp.Or(l.Connections, 100_000)
	l.HalfOpen = cmp.Or(l.HalfOpen, 1024)
	l.HalfOpenAddress = cmp.Or(l.HalfOpenAddress, 64)
	l.ConnectTimeout = positive(l.ConnectTimeout, 10*time.Second)
	l.ConnectBytes = positive(l.ConnectBytes, 4096)
	l.PacketBytes = positive(l.PacketBytes, 65536)
	l.TopicBytes = positive(l.TopicBytes, 1024)
	l.Filters = positive(l.Filters, 8)
	l.Inflight = positive(l.Inflight, 100)
	l.Unreleased = positive(l.Unreleased, 1024)
	l.Inactivity = positive(l.Inactivity, 600*time.Second)
	l.KeepAlive = min(max(positive(l.KeepAlive, longestKeepAlive), time.Second), longestKeepAlive)
	l.TopicAliases = min(max(cmp.Or(l.TopicAliases, 10), 0), math.MaxUint16)
	l.OutboundMessages = min(positive(l.OutboundMessages, 100), math.MaxUint16-1)
	l.OutboundBytes = positive(l.OutboundBytes, 256<<10)
	l.Sessions = cmp.Or(l.Sessions, 10_000)
	l.SessionExpiry = positive(l.SessionExpiry, 7*24*time.Hour).Truncate(time.Second)
	l.WriteTimeout = positive(l.WriteTimeout, 10*time.Second)
	l.DrainTimeout = positive(l.DrainTimeout, 5*time.Second)
	return l
}

// longestKeepAlive is what two bytes of a CONNECT can say.
const longestKeepAlive = math.MaxUint16 * time.Second

func positive[T int | time.Duration](v, otherwise T) T {
	if v > 0 {
		return v
	}
	return otherwise
}
