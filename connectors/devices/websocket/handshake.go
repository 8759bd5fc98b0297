package websocket

import (
	"crypto/sha1" //nolint:gosec // RFC 6455 section 4.2.2 wants it; it protects nothing
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// refusal is why a request is not answered with a websocket.
type refusal struct {
	status int
	text   string
	header [2]string // name and value, if there is one
}

// subprotocols are those that are spoken, the preferred one first. MQTT knows "mqtt" alone [MQTT-6.0.0-4]; clients of MQTT 3.1
// offer the other one, before the standard had a name for it. Either says nothing of the version: that the CONNECT does.
var subprotocols = [...]string{"mqtt", "mqttv3.1"}

// agree looks at a handshake (RFC 6455 section 4.2.1), and names the subprotocol and the answer to the key. A client that
// offers no subprotocol is refused [MQTT-6.0.0-3], as Mosquitto, EMQX and RabbitMQ do: what comes may be anything.
func agree(r *http.Request) (protocol, accept string, no *refusal) {
	h := r.Header
	switch {
	case r.Method != http.MethodGet:
		return "", "", &refusal{http.StatusMethodNotAllowed, "MQTT over websockets begins with a GET", [2]string{"Allow", "GET"}}
	case !r.ProtoAtLeast(1, 1),
		!httpguts.HeaderValuesContainsToken(h["Connection"], "upgrade"),
		!httpguts.HeaderValuesContainsToken(h["Upgrade"], "websocket"):
		return "", "", &refusal{http.StatusUpgradeRequired, "here is MQTT over websockets only", [2]string{"Upgrade", "websocket"}}
	case h.Get("Sec-Websocket-Version") != "13":
		return "", "", &refusal{
			http.StatusUpgradeRequired, "version 13 of websockets is spoken here, no other", [2]string{"Sec-Websocket-Version", "13"},
		}
	case r.ContentLength != 0:
		return "", "", &refusal{status: http.StatusBadRequest, text: "a handshake has no body"}
	case !sameOrigin(r):
		return "", "", &refusal{status: http.StatusForbidden, text: "the page comes from another host"}
	}
	key := strings.TrimSpace(h.Get("Sec-Websocket-Key"))
	if raw, err := base64.StdEncoding.DecodeString(key); err != nil || len(raw) != 16 {
		return "", "", &refusal{status: http.StatusBadRequest, text: "Sec-WebSocket-Key is not 16 bytes in base64"}
	}
	for _, p := range subprotocols {
		if offers(h["Sec-Websocket-Protocol"], p) {
			return p, acceptOf(key), nil
		}
	}
	return "", "", &refusal{status: http.StatusBadRequest, text: `the subprotocol "mqtt" is not offered in Sec-WebSocket-Protocol`}
}

// offers looks for a subprotocol in a list; unlike tokens elsewhere these have one spelling.
func offers(lists []string, protocol string) bool {
	for _, list := range lists {
		for one := range strings.SplitSeq(list, ",") {
			if strings.TrimSpace(one) == protocol {
				return true
			}
		}
	}
	return false
}

// sameOrigin says whether a request is no browser's, or that of a page from this very host. A browser says truly where a page
// comes from, and lets any page open a websocket anywhere; clients that are no browsers say nothing, or the host that they
// connect to (paho-mqtt for Python).
func sameOrigin(r *http.Request) bool {
	origins := r.Header["Origin"]
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && u.Host != "" && strings.EqualFold(u.Host, r.Host)
}

// acceptOf proves that the handshake was understood (RFC 6455 section 1.3).
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // see the import
	return base64.StdEncoding.EncodeToString(sum[:])
}
