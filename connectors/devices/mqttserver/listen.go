package mqttserver

import (
	"context"
	"net"
)

// Listen is net.Listen for a server. Connections have no keep-alive of TCP: that of MQTT, and Limits.Inactivity where a
// client wants none, find a dead peer sooner, and four system calls a connection are a tenth of what a connect costs.
func Listen(network, address string) (net.Listener, error) {
	l := net.ListenConfig{KeepAlive: -1}
	return l.Listen(context.Background(), network, address)
}
