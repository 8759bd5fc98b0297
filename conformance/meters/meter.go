package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gridtie/gridtie/conformance/internal/lean"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/supplypoint"
)

// patience is how long one connection of a meter may take.
const patience = 30 * time.Second

// step is a part of a meter's life that is measured by itself.
type step int

const (
	connecting   step = iota // TCP, CONNECT, CONNACK as a device without credentials
	provisioning             // from the request to the answer, which holds the credentials
	reconnecting             // TCP, CONNECT, CONNACK with its own credentials
	attaching                // from the message with key and CUPS to its PUBACK
	steps
)

func (s step) String() string {
	return [...]string{"connect", "provision", "reconnect", "attach"}[s]
}

// life is how long the steps of one meter took.
type life [steps]time.Duration

// distributors have the supply points of the meters, in turn; the directory that comes with the product knows them.
func distributors() []string { return []string{"0021", "0022", "0026", "0027", "0031"} }

// world is what all meters know.
type world struct {
	dialer       *lean.Dialer
	key, secret  string // of the profile
	supplierKeys []string
	run          string // prefix of the meters' names
	first        uint64 // number of the first supply point
	topics       topics
}

type topics struct{ request, response, attributes, ask string }

func thingsboard() topics {
	return topics{
		request: "/provision/request", response: "/provision/response", attributes: "v1/devices/me/attributes",
		ask: "v1/devices/me/attributes/request/1",
	}
}

// live is the whole life of meter i. It returns its token.
func (w *world) live(ctx context.Context, i int, l *life) (token string, err error) {
	if token, err = w.provision(ctx, i, l); err != nil {
		return "", fmt.Errorf("provisioning: %w", err)
	}
	if err := w.attach(ctx, i, token, l); err != nil {
		return "", fmt.Errorf("attaching: %w", err)
	}
	return token, nil
}

// enter opens a session.
func (w *world) enter(ctx context.Context, user string) (*lean.Conn, error) {
	c, err := w.dialer.Dial(ctx, patience)
	if err != nil {
		return nil, err
	}
	if err := c.Connect(lean.Login("", user)); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (w *world) provision(ctx context.Context, i int, l *life) (token string, err error) {
	begin := time.Now()
	c, err := w.enter(ctx, "provision")
	if err != nil {
		return "", err
	}
	defer c.Close()
	asked := time.Now()
	l[connecting] = asked.Sub(begin)
	request := fmt.Appendf(nil, `{"deviceName":%q,"provisionDeviceKey":%q,"provisionDeviceSecret":%q}`,
		w.run+strconv.Itoa(i), w.key, w.secret)
	err = c.Send(
		&packet.Subscribe{ID: 1, Subscriptions: []packet.Subscription{{Filter: w.topics.response, QoS: 1}}},
		&packet.Publish{Topic: w.topics.request, QoS: 1, ID: 2, Payload: request},
	)
	for acked := false; err == nil && (token == "" || !acked); {
		var h packet.Header
		var body []byte
		h, body, err = c.Next(packet.SUBACK, packet.PUBACK, packet.PUBLISH)
		switch {
		case err != nil:
		case h.Type == packet.PUBACK:
			acked = true
		case h.Type == packet.PUBLISH:
			var p packet.Publish
			if err = p.Decode(h.Flags, body); err != nil {
				break
			}
			l[provisioning] = time.Since(asked)
			if token, err = credentials(p.Payload); err == nil {
				err = c.Send(lean.Puback(p.ID))
			}
		}
	}
	if err != nil {
		return "", err
	}
	return token, w.leave(c)
}

// leave says good-bye and waits for nothing.
func (w *world) leave(c *lean.Conn) error {
	defer c.Release()
	return c.Send(lean.Disconnect{})
}

// credentials reads the token from the answer to a provisioning request.
func credentials(answer []byte) (string, error) {
	var got struct{ Status, CredentialsType, CredentialsValue string }
	if err := json.Unmarshal(answer, &got); err != nil {
		return "", errors.New("the answer is not the JSON that was expected")
	}
	if got.Status != "SUCCESS" {
		return "", fmt.Errorf("the answer is %q", got.Status)
	}
	return got.CredentialsValue, nil
}

func (w *world) attach(ctx context.Context, i int, token string, l *life) error {
	begin := time.Now()
	c, err := w.enter(ctx, token)
	if err != nil {
		return err
	}
	defer c.Close()
	sent := time.Now()
	l[reconnecting] = sent.Sub(begin)
	at := distributors()
	point := supplypoint.Synthetic(at[i%len(at)], w.first+uint64(i))
	payload := fmt.Appendf(nil, `{"supplierKey":%q,"cups":%q}`, w.supplierKeys[i%len(w.supplierKeys)], point.ID())
	if err := c.Send(&packet.Publish{Topic: w.topics.attributes, QoS: 1, ID: 1, Payload: payload}); err != nil {
		return err
	}
	if _, _, err := c.Next(packet.PUBACK); err != nil {
		return err
	}
	l[attaching] = time.Since(sent)
	return w.leave(c)
}

// attached asks the server, as the meter, whether it is attached.
func (w *world) attached(ctx context.Context, token string) (bool, error) {
	c, err := w.enter(ctx, token)
	if err != nil {
		return false, err
	}
	defer c.Close()
	err = c.Send(&packet.Publish{Topic: w.topics.ask, QoS: 1, ID: 1, Payload: []byte(`{"sharedKeys":"attachment"}`)})
	for err == nil {
		var h packet.Header
		var body []byte
		h, body, err = c.Next(packet.PUBACK, packet.PUBLISH)
		if err == nil && h.Type == packet.PUBLISH {
			var p packet.Publish
			err = p.Decode(h.Flags, body)
			return bytes.Contains(p.Payload, []byte(`"ATTACHED"`)), errors.Join(err, w.leave(c))
		}
	}
	return false, err
}
