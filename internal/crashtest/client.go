package crashtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Topics of ThingsBoard devices.
const (
	provisionTopic  = "/provision/request"
	attributesTopic = "v1/devices/me/attributes"
)

// patience is how long a client waits for a server that should be there.
const patience = 20 * time.Second

// Client speaks MQTT 3.1.1 packet by packet. It belongs to one goroutine.
type Client struct {
	conn   net.Conn
	reader packet.Reader
	last   uint16 // packet identifier

	subscribed bool   // to calls
	calls      []call // that came, and were acknowledged
}

// ErrRefused means that the server did not let a client in.
var ErrRefused = errors.New("CONNECT was refused")

// Dial connects and logs in.
func Dial(address string, l registry.Login) (*Client, error) {
	conn, err := net.DialTimeout("tcp", address, patience)
	if err != nil {
		return nil, err
	}
	c := &Client{conn: conn}
	c.reader.Reset(conn, 1<<20)
	c.reader.Accept(packet.V311, 1<<20)
	if err := c.login(l); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Client) login(l registry.Login) error {
	if err := c.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	p := packet.Connect{
		Version: packet.V311, CleanSession: true, KeepAlive: 60, ClientID: l.ClientID.Reveal(), UserName: l.UserName.Reveal(),
		HasUserName: l.HasUserName, HasPassword: l.HasPassword, Password: []byte(l.Password.Reveal()),
	}
	if err := c.write(p.Append(nil)); err != nil {
		return err
	}
	h, body, err := c.next()
	switch {
	case err != nil:
		return err
	case h.Type != packet.CONNACK:
		return fmt.Errorf("%v in place of CONNACK", h.Type)
	case body[1] != 0:
		return fmt.Errorf("%w with %d", ErrRefused, body[1])
	}
	return nil
}

// Close hangs up.
func (c *Client) Close() error { return c.conn.Close() }

func (c *Client) write(b []byte) error {
	_, err := c.conn.Write(b)
	return err
}

func (c *Client) next() (packet.Header, []byte, error) {
	h, err := c.reader.ReadHeader()
	if err != nil {
		return h, nil, err
	}
	body, err := c.reader.ReadBody(h)
	return h, body, err
}

// publish appends a message with QoS 1.
func (c *Client) publish(dst []byte, topic string, payload []byte) []byte {
	c.last++
	p := packet.Publish{Topic: topic, Payload: payload, QoS: 1, ID: c.last}
	return p.Append(dst)
}

// Post sends attributes messages in one piece, and calls acked with the position of each as it is acknowledged.
func (c *Client) Post(payloads [][]byte, acked func(i int)) error {
	first := c.last + 1
	var all []byte
	for _, p := range payloads {
		all = c.publish(all, attributesTopic, p)
	}
	if err := c.write(all); err != nil {
		return err
	}
	for range payloads {
		h, body, err := c.next()
		if err != nil {
			return err
		}
		var a packet.Ack
		if err := a.Decode(body); err != nil || h.Type != packet.PUBACK {
			return fmt.Errorf("%v in place of PUBACK: %w", h.Type, err)
		}
		acked(int(a.ID - first))
	}
	return nil
}

// ErrNotProvisioned means that the server answered with anything but SUCCESS.
var ErrNotProvisioned = errors.New("not provisioned")

// Provision asks for credentials on a session of its own.
func (w *World) Provision(address, device string, c registry.Credentials) (registry.Credentials, error) {
	conn, err := Dial(address, registry.Login{
		ClientID: secret.NewText("c-" + device), UserName: secret.NewText("provision"), HasUserName: true,
	})
	if err != nil {
		return c, err
	}
	granted, err := conn.provision(w.request(device, c))
	return granted, errors.Join(err, conn.Close())
}

func (w *World) request(device string, c registry.Credentials) []byte {
	request := map[string]string{
		"deviceName": device, "provisionDeviceKey": w.ProvisionKey.Reveal(), "provisionDeviceSecret": w.ProvisionSecret.Reveal(),
	}
	switch c.Type {
	case registry.AccessToken:
		request["credentialsType"], request["token"] = string(c.Type), c.Token.Reveal()
	case registry.MQTTBasic:
		request["credentialsType"], request["clientId"] = string(c.Type), c.ClientID.Reveal()
		request["username"], request["password"] = c.UserName.Reveal(), c.Password.Reveal()
	}
	text, err := json.Marshal(request)
	if err != nil {
		panic(err) // a map of strings can be written
	}
	return text
}

func (c *Client) provision(request []byte) (registry.Credentials, error) {
	if err := c.write(c.publish(nil, provisionTopic, request)); err != nil {
		return registry.Credentials{}, err
	}
	for {
		h, body, err := c.next()
		if err != nil {
			return registry.Credentials{}, err
		}
		if h.Type != packet.PUBLISH {
			continue // PUBACK: the answer is what counts
		}
		var p packet.Publish
		if err := p.Decode(h.Flags, body); err != nil {
			return registry.Credentials{}, err
		}
		return granted(p.Payload)
	}
}

func granted(answer []byte) (registry.Credentials, error) {
	var a struct {
		Status string          `json:"status"`
		Type   string          `json:"credentialsType"`
		Value  json.RawMessage `json:"credentialsValue"`
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return registry.Credentials{}, fmt.Errorf("%w: the answer cannot be read", ErrNotProvisioned)
	}
	if a.Status != "SUCCESS" {
		return registry.Credentials{}, fmt.Errorf("%w: %s", ErrNotProvisioned, a.Status)
	}
	c := registry.Credentials{Type: registry.CredentialsType(a.Type)}
	if c.Type != registry.MQTTBasic {
		return c, json.Unmarshal(a.Value, &c.Token)
	}
	var basic struct {
		ClientID secret.Text `json:"clientId"`
		UserName secret.Text `json:"userName"`
		Password secret.Text `json:"password"`
	}
	err := json.Unmarshal(a.Value, &basic)
	c.ClientID, c.UserName, c.Password = basic.ClientID, basic.UserName, basic.Password
	return c, err
}
