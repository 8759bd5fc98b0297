package server_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

func slowHeader(ctx context.Context, v *victim, from net.IP) error {
	const head = "POST /api/v1/T/telemetry HTTP/1.1\r\nHost: h\r\nX-Slow: "
	return drip(ctx, from, v.Addresses()["http"], func(n int) byte {
		if n < len(head) {
			return head[n]
		}
		return 'x'
	})
}

// halfOpenTLS begins handshakes and does not go on with them.
func halfOpenTLS(name string) func(context.Context, *victim, net.IP) error {
	return func(ctx context.Context, v *victim, from net.IP) error {
		hello, err := helloTLS()
		if err != nil {
			return err
		}
		var all []net.Conn
		defer func() { closeAll(all) }()
		for n := range few {
			c, err := dialFrom(from, v.Addresses()[name])
			if err != nil {
				return err
			}
			all = append(all, c)
			if _, err := c.Write(hello[:len(hello)-n]); err != nil { // the first one is whole
				return err
			}
		}
		defer closeWith(ctx, all)()
		for _, c := range all {
			if err := ended(c); err != nil && ctx.Err() == nil {
				return err
			}
		}
		return nil
	}
}

// helloTLS is the first message of a handshake.
func helloTLS() ([]byte, error) {
	ours, theirs := net.Pipe()
	defer func() { _ = theirs.Close() }()
	go func() {
		_ = tls.Client(ours, &tls.Config{InsecureSkipVerify: true}).Handshake()
		_ = ours.Close()
	}()
	b := make([]byte, 4096)
	n, err := theirs.Read(b)
	return b[:n], err
}

// silentHTTP connects, says nothing or half of something, and leaves.
func silentHTTP(_ context.Context, v *victim, from net.IP) error {
	for n := range 8 {
		c, err := dialFrom(from, v.Addresses()[[]string{"http", "https"}[n%2]])
		if err != nil {
			return err
		}
		if n > 4 {
			_, err = io.WriteString(c, "\x16\x03\x01")
		}
		if err := errors.Join(err, c.Close()); err != nil {
			return err
		}
	}
	return nil
}

func plainHTTPS(_ context.Context, v *victim, from net.IP) error {
	for range 8 {
		c, err := dialFrom(from, v.Addresses()["https"])
		if err != nil {
			return err
		}
		if _, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err == nil {
			err = ended(c)
		}
		_ = c.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// claimHTTP promises bodies of 256 MiB. The answer comes before any of them.
func claimHTTP(ctx context.Context, v *victim, from net.IP) error {
	for range 8 {
		c, err := dialFrom(from, v.Addresses()["http"])
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(c, "POST /api/v1/%s/telemetry HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n{", tokenOf("attacker"), 256<<20)
		if err == nil {
			answer := make([]byte, len("HTTP/1.1 413"))
			if _, err = io.ReadFull(c, answer); err == nil && string(answer) != "HTTP/1.1 413" {
				err = fmt.Errorf("got %q", answer)
			}
		}
		_ = c.Close()
		if err != nil && ctx.Err() == nil {
			return err
		}
	}
	return nil
}

// deepJSON sends JSON that is 10,000 deep wherever some is taken. Over CoAP a datagram holds only some of that.
func deepJSON(ctx context.Context, v *victim, from net.IP) error {
	deep := `{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`
	for _, topic := range []string{"v1/devices/me/telemetry", "v1/devices/me/attributes/request/1"} {
		p := packet.Publish{Topic: topic, QoS: 1, ID: 1, Payload: []byte(deep)}
		err := inside(v, from, func(c *rawMQTT) error {
			if err := c.send(p.Append(nil)); err != nil {
				return err
			}
			return ended(c)
		})
		if err != nil {
			return err
		}
	}
	web := &http.Client{Transport: &http.Transport{DialContext: func(_ context.Context, _, to string) (net.Conn, error) { return dialFrom(from, to) }}}
	defer web.CloseIdleConnections()
	for _, path := range []string{tokenOf("attacker") + "/telemetry", "provision"} {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+v.Addresses()["http"]+"/api/v1/"+path, strings.NewReader(deep))
		if err != nil {
			return err
		}
		res, err := web.Do(r)
		if err != nil {
			return err
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusBadRequest {
			return fmt.Errorf("%s: got %d, want 400", path, res.StatusCode)
		}
	}
	c, err := dialCoAP(from, v)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	a, err := exchange(c, coapRequest(1, message.POST, "api/v1/"+tokenOf("attacker")+"/attributes", deep[:4000]))
	if err == nil && a.Code != message.BadRequest {
		err = fmt.Errorf("over CoAP: got %v, want 4.00", a.Code)
	}
	return err
}
