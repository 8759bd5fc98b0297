package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/gridtie/gridtie/conformance/internal/lean"
	"github.com/gridtie/gridtie/conformance/internal/product"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// serve is the name of the product as a whole: `gridtie serve`, with its store, its chains and all its listeners.
const serve = "gridtie serve"

// startProduct starts the product with devices that have credentials. It has been started again since they were made, so that
// what is measured is what connections cost.
func (t *tools) startProduct(ctx context.Context, devices int) (p *process, err error) {
	s, err := product.Start(ctx, "", t.dir, t.talk)
	if err != nil {
		return nil, err
	}
	p = &process{name: serve, pid: s.PID, end: s.Stop, topic: "v1/devices/me/telemetry", payload: `{"a":1}`, user: token}
	key, secret, err := s.Provisioning(ctx)
	if err == nil {
		err = makeDevices(ctx, s.Addresses["mqtt"], devices, key, secret)
	}
	if err == nil {
		err = s.Again(ctx, t.talk)
	}
	p.address = s.Addresses["mqtt"]
	if err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return p, nil
}

func token(i int) string { return "token-of-" + strconv.Itoa(i) }

// makeDevices provisions devices with tokens of their own, fifty on each connection: a session may ask a hundred times.
func makeDevices(ctx context.Context, address string, devices int, key, secret string) error {
	const apiece, workers = 50, 8
	dialer := lean.NewDialer(address)
	return each(workers, func(worker int) error {
		for first := worker * apiece; first < devices; first += workers * apiece {
			if err := provision(ctx, dialer, first, min(first+apiece, devices), key, secret); err != nil {
				return fmt.Errorf("provisioning devices from %d on: %w", first, err)
			}
		}
		return nil
	})
}

func provision(ctx context.Context, dialer *lean.Dialer, first, end int, key, secret string) error {
	c, err := dialer.Dial(ctx, patience)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if err := c.Connect(lean.Login("", "provision")); err != nil {
		return err
	}
	defer c.Release()
	for i := first; i < end; i++ {
		m := packet.Publish{Topic: "/provision/request", QoS: 1, ID: uint16(i-first) + 1, Payload: fmt.Appendf(nil,
			`{"deviceName":"idle-%d","provisionDeviceKey":%q,"provisionDeviceSecret":%q,"credentialsType":"ACCESS_TOKEN","token":%q}`,
			i, key, secret, token(i))}
		if err := c.Send(&m); err != nil {
			return err
		}
		for answered := false; !answered; {
			h, body, err := c.Next(packet.PUBACK, packet.PUBLISH)
			if err != nil {
				return err
			}
			if answered = h.Type == packet.PUBLISH; !answered {
				continue
			}
			var p packet.Publish
			if err := p.Decode(h.Flags, body); err != nil {
				return err
			}
			if err := c.Send(lean.Puback(p.ID)); err != nil {
				return err
			}
		}
	}
	return nil
}
