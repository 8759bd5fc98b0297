package mqttserver

import (
	"context"
	"net"
)

// Listen listens on a TCP address for a server. Connections have no keep-alive of TCP: that of MQTT, and
// Limits.Inactivity where a client wants none, find a dead peer sooner, and four system calls a connection are a tenth
// of what a connect costs.
func Listen(ctx context.Context, address string) (net.Listener, error) {
	l := net.ListenConfig{KeepAlive: -1}
	return l.Listen(ctx, "tcp", address)
}
