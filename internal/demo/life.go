package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Topics of ThingsBoard's device API.
const (
	requestTopic    = "/provision/request"
	responseTopic   = "/provision/response"
	attributesTopic = "v1/devices/me/attributes"
	askTopic        = "v1/devices/me/attributes/request/1"
	answerTopic     = "v1/devices/me/attributes/response/1"
)

// progress is what has happened to a meter, as it saw it itself.
type progress struct {
	login   func(*paho.ClientOptions)
	acked   int             // messages that were acknowledged
	told    []registry.Code // outcomes that it was told
	problem error
}

// provisionRequest is what a meter without credentials asks with.
type provisionRequest struct {
	Name   string `json:"deviceName"`
	Key    string `json:"provisionDeviceKey"`
	Secret string `json:"provisionDeviceSecret"`
	Type   string `json:"credentialsType,omitempty"`

	ClientID string `json:"clientId,omitempty"`
	UserName string `json:"username,omitempty"`
	Password string `json:"password,omitempty"`
}

// provision gets a meter its credentials, and returns how long the answer took.
func (f *fleet) provision(ctx context.Context, from net.Addr, m *meter) (time.Duration, error) {
	c, err := f.dial(ctx, from, func(o *paho.ClientOptions) { o.SetUsername("provision") })
	if err != nil {
		return 0, err
	}
	defer c.close()
	if err := f.wait(ctx, c.mqtt.Subscribe(responseTopic, 1, nil)); err != nil {
		return 0, err
	}
	request := provisionRequest{Name: m.name, Key: f.key, Secret: f.secret}
	if m.basic {
		request.Type = string(registry.MQTTBasic)
		request.ClientID, request.UserName, request.Password = "id-"+m.name, "user-"+m.name, secret.Token().Reveal()
	}
	text, err := json.Marshal(request)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	if err := f.wait(ctx, c.mqtt.Publish(requestTopic, 1, false, text)); err != nil {
		return 0, err
	}
	answer, err := c.next(ctx, responseTopic)
	if err != nil {
		return 0, err
	}
	took := time.Since(start)
	m.login, err = credentials(answer)
	return took, err
}

// credentials reads what the server gave a meter to connect with.
func credentials(answer []byte) (func(*paho.ClientOptions), error) {
	var got struct {
		Status string          `json:"status"`
		Type   string          `json:"credentialsType"`
		Value  json.RawMessage `json:"credentialsValue"`
	}
	if err := json.Unmarshal(answer, &got); err != nil {
		return nil, errors.New("the answer is not JSON")
	}
	if got.Status != "SUCCESS" {
		return nil, fmt.Errorf("the answer is %s", got.Status)
	}
	if got.Type == string(registry.MQTTBasic) {
		var basic struct{ ClientID, UserName, Password string }
		if err := json.Unmarshal(got.Value, &basic); err != nil {
			return nil, errors.New("the answer holds no MQTT_BASIC credentials")
		}
		return func(o *paho.ClientOptions) {
			o.SetClientID(basic.ClientID).SetUsername(basic.UserName).SetPassword(basic.Password)
		}, nil
	}
	var token string
	if err := json.Unmarshal(got.Value, &token); err != nil {
		return nil, errors.New("the answer holds no token")
	}
	return func(o *paho.ClientOptions) { o.SetUsername(token) }, nil
}

// attach connects a meter with its credentials, sends key and supply point once, and learns what came of it. It returns
// how long the acknowledgement took.
func (f *fleet) attach(ctx context.Context, from net.Addr, m *meter) (time.Duration, error) {
	if m.login == nil {
		return 0, errors.New("the meter has no credentials")
	}
	c, err := f.dial(ctx, from, m.login)
	if err != nil {
		return 0, err
	}
	defer c.close()
	if m.waits {
		if err := f.wait(ctx, c.mqtt.Subscribe(attributesTopic, 1, nil)); err != nil {
			return 0, err
		}
	}
	payload := f.plan.payload(m)
	start := time.Now()
	sent := []paho.Token{c.mqtt.Publish(attributesTopic, 1, false, payload)}
	if m.fault == sentTwice {
		sent = append(sent, c.mqtt.Publish(attributesTopic, 1, false, payload))
	}
	for _, token := range sent {
		if err := f.wait(ctx, token); err != nil {
			if m.fault == brokenJSON && ctx.Err() == nil {
				return 0, f.closed(ctx, c)
			}
			return 0, err
		}
		m.acked++
	}
	took := time.Since(start)
	if m.fault == brokenJSON {
		return 0, errors.New("a payload that is no JSON was acknowledged")
	}
	return took, f.learn(ctx, c, m)
}

// closed checks that the server has ended the connection.
func (f *fleet) closed(ctx context.Context, c *client) error {
	if _, err := c.next(ctx, ""); errors.Is(err, errNoAnswer) {
		return errors.New("a payload that is no JSON left the connection open")
	}
	return ctx.Err()
}

// learn finds out what the meter is told: it waits for it, or asks.
func (f *fleet) learn(ctx context.Context, c *client, m *meter) error {
	if m.waits {
		for range m.acked {
			text, err := c.next(ctx, attributesTopic)
			if err != nil {
				return fmt.Errorf("waiting to be told the outcome: %w", err)
			}
			if err := m.hear(text); err != nil {
				return err
			}
		}
		return nil
	}
	if err := f.wait(ctx, c.mqtt.Publish(askTopic, 1, false, `{"sharedKeys":"attachment"}`)); err != nil {
		return err
	}
	text, err := c.next(ctx, answerTopic)
	if err != nil {
		return fmt.Errorf("asking for the outcome: %w", err)
	}
	var answer struct {
		Shared json.RawMessage `json:"shared"`
	}
	if err := json.Unmarshal(text, &answer); err != nil || answer.Shared == nil {
		return errors.New("the answer holds no outcome")
	}
	return m.hear(answer.Shared)
}

// hear notes an outcome that the meter is told.
func (m *meter) hear(text []byte) error {
	var told struct {
		Attachment struct {
			Outcome registry.Code `json:"outcome"`
		} `json:"attachment"`
	}
	if err := json.Unmarshal(text, &told); err != nil || told.Attachment.Outcome == "" {
		return errors.New("what the meter was told holds no outcome")
	}
	m.told = append(m.told, told.Attachment.Outcome)
	return nil
}
