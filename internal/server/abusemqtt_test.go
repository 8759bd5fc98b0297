package server_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// closeWith closes connections when ctx ends, so that whoever waits for them goes on.
func closeWith(ctx context.Context, all []net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { closeAll(all) })
}

func closeAll(all []net.Conn) {
	for _, c := range all {
		_ = c.Close()
	}
}

// drip sends a byte every now and then, and never comes to an end, on a few connections that the server is to end.
func drip(ctx context.Context, from net.IP, to string, text func(n int) byte) error {
	var all []net.Conn
	defer func() { closeAll(all) }()
	for range few {
		c, err := dialFrom(from, to)
		if err != nil {
			return err
		}
		all = append(all, c)
	}
	defer closeWith(ctx, all)()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for n, left := 0, few; left > 0; n++ {
		left = 0
		for _, c := range all {
			if _, err := c.Write([]byte{text(n)}); err == nil {
				left++
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}

func slowConnect(ctx context.Context, v *victim, from net.IP) error {
	p := packet.Connect{Version: packet.V311, CleanSession: true, ClientID: strings.Repeat("c", 4000)}
	whole := p.Append(nil)
	return drip(ctx, from, v.Addresses()["mqtt"], func(n int) byte { return whole[n] })
}

// silentFlood opens more connections than one address may have without a CONNECT. Nobody says anything.
func silentFlood(name string) func(context.Context, *victim, net.IP) error {
	return func(ctx context.Context, v *victim, from net.IP) error {
		refused := make(chan struct{}, halfOpen)
		var all []net.Conn
		defer func() { closeAll(all) }()
		for range halfOpen {
			c, err := dialFrom(from, v.Addresses()[name])
			if err != nil {
				return err
			}
			all = append(all, c)
			go func() {
				if ended(c) == nil {
					refused <- struct{}{}
				}
			}()
		}
		defer closeWith(ctx, all)()
		for range halfOpen - 64 {
			<-refused
		}
		closeAll(all)
		for range 64 {
			<-refused
		}
		return nil
	}
}

func guessedTokens(ctx context.Context, v *victim, from net.IP) error {
	for n := range 30 {
		c, err := dialMQTT(from, v.Addresses()["mqtt"])
		if err != nil {
			return err
		}
		err = c.send(device(fmt.Sprint("nobody-", n)).Append(nil))
		if err == nil {
			_, err = c.next(packet.CONNACK)
		}
		if err == nil {
			err = ended(c)
		}
		c.close()
		if err != nil || ctx.Err() != nil {
			return err
		}
	}
	return nil
}

// claim is a fixed header that promises 256 MiB, the most that MQTT can say, and the first bytes of them.
func claim(kind packet.Type) []byte {
	return append([]byte{byte(kind) << 4, 0xff, 0xff, 0xff, 0x7f}, strings.Repeat("x", 1000)...)
}

func claimBefore(_ context.Context, v *victim, from net.IP) error {
	for range 8 {
		c, err := dialMQTT(from, v.Addresses()["mqtt"])
		if err != nil {
			return err
		}
		if err = c.send(claim(packet.CONNECT)); err == nil {
			err = ended(c)
		}
		c.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// inside logs the attacker's own device in, and lets it do something after which its connection is closed.
func inside(v *victim, from net.IP, do func(c *rawMQTT) error) error {
	c, err := dialMQTT(from, v.Addresses()["mqtt"])
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.login(device("attacker"), 0); err != nil {
		return err
	}
	return do(c)
}

func claimAfter(_ context.Context, v *victim, from net.IP) error {
	for range 8 {
		err := inside(v, from, func(c *rawMQTT) error {
			if err := c.send(claim(packet.PUBLISH)); err != nil {
				return err
			}
			return ended(c)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// foreignFilters are what a device might want to hear of that is not its own.
func foreignFilters() []string {
	return []string{
		"#", "+", "+/+", "v1/#", "v1/devices/#", "v1/devices/+/attributes", "v1/devices/me/+", "v1/devices/watched/attributes",
		"$SYS/#", "$share/g/#", "$share/g/v1/devices/me/attributes", "/provision/response", "V1/devices/me/attributes",
		"v1/devices/me/rpc/request/#", "v2/#", "v1/gateway/+",
	}
}

// wildcards asks for all of them, and then waits for what a change of another's attribute might bring: nothing.
func wildcards(ctx context.Context, v *victim, from net.IP) error {
	watched, err := dialMQTT(nil, v.Addresses()["mqtt"])
	if err != nil {
		return err
	}
	defer watched.close()
	if err := watched.login(device("watched"), 0); err != nil {
		return err
	}
	if _, err := watched.subscribe("v1/devices/me/attributes"); err != nil {
		return err
	}
	return inside(v, from, func(c *rawMQTT) error {
		filters := foreignFilters()
		for at := 0; at < len(filters); at += 8 {
			codes, err := c.subscribe(filters[at:min(at+8, len(filters))]...)
			if err != nil {
				return err
			}
			for i, code := range codes {
				if code != packet.SubscribeFailure {
					return fmt.Errorf("%q was granted", filters[at+i])
				}
			}
		}
		if err := v.share(ctx, "watched", "secret", fmt.Sprint(time.Now().UnixNano())); err != nil {
			return err
		}
		if _, err := watched.next(packet.PUBLISH); err != nil {
			return fmt.Errorf("the owner of the attribute: %w", err)
		}
		return c.ping()
	})
}

// takeOver tries passwords with the client id and the user name of a device that is connected, and stays so.
func takeOver(_ context.Context, v *victim, from net.IP) error {
	locked := packet.Connect{
		Version: packet.V311, CleanSession: true, KeepAlive: 60, ClientID: "locked", HasUserName: true, UserName: "user", HasPassword: true,
	}
	right := locked
	right.Password = []byte("right-password")
	owner, err := dialMQTT(nil, v.Addresses()["mqtt"])
	if err != nil {
		return err
	}
	defer owner.close()
	if err := owner.login(&right, 0); err != nil {
		return err
	}
	for n := range 8 {
		c, err := dialMQTT(from, v.Addresses()["mqtt"])
		if err != nil {
			return err
		}
		wrong := locked
		wrong.Password = fmt.Append(nil, "wrong-", n)
		if err = c.send(wrong.Append(nil)); err == nil {
			err = c.refused()
		}
		c.close()
		if err != nil {
			return err
		}
	}
	return owner.post(1)
}

// refused needs a CONNACK that refuses.
func (c *rawMQTT) refused() error {
	body, err := c.next(packet.CONNACK)
	if err == nil && body[1] == 0 {
		err = fmt.Errorf("the CONNECT was accepted")
	}
	if err == nil {
		err = ended(c)
	}
	return err
}

// manyLevels has the most levels that MQTT can say in a filter, fewer that fit into a packet, and these in a topic.
func manyLevels(_ context.Context, v *victim, from net.IP) error {
	deep := strings.Repeat("/", 60_000)
	filter := packet.Subscribe{ID: 1, Subscriptions: []packet.Subscription{{Filter: strings.Repeat("/", 65_534)}}}
	topic := packet.Publish{Topic: deep, QoS: 1, ID: 1}
	err := inside(v, from, func(c *rawMQTT) error {
		codes, err := c.subscribe(deep)
		if err == nil && codes[0] != packet.SubscribeFailure {
			err = fmt.Errorf("it was granted")
		}
		return err
	})
	for _, p := range [][]byte{filter.Append(nil), topic.Append(nil)} {
		if err != nil {
			return err
		}
		err = inside(v, from, func(c *rawMQTT) error {
			_ = c.send(p) // which may be cut off
			return ended(c)
		})
	}
	return err
}
