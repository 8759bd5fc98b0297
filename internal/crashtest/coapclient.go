package crashtest

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/engine/secret"
)

// coapClient is a meter that speaks CoAP: confirmable requests, one at a time, and an observation of calls.
type coapClient struct {
	conn     net.Conn
	token    secret.Text
	last     uint16 // message identifier, and token
	observed []byte // token of the observation
	calls    []*message.Message
}

func dialCoAP(address string, token secret.Text) (*coapClient, error) {
	conn, err := net.Dial("udp", address)
	return &coapClient{conn: conn, token: token, last: uint16(time.Now().UnixNano())}, err
}

// again is how often a message is sent that nobody acknowledges. One that nobody can get is an error at once: the machine
// says that nobody listens.
const again = 200 * time.Millisecond

// ask sends a request until it is answered, and acknowledges and keeps the calls that come meanwhile.
func (c *coapClient) ask(method message.Code, path string, body []byte, options message.Options) (*message.Message, error) {
	c.last++
	m := message.Message{Code: method, ID: c.last, Token: binary.BigEndian.AppendUint16(nil, c.last), Options: options, Payload: body}
	for _, s := range strings.Split("api/v1/"+path, "/") {
		m.Options = m.Options.Add(message.URIPath, []byte(s))
	}
	acked := false
	for end := time.Now().Add(patience); time.Now().Before(end); {
		if !acked {
			if _, err := c.conn.Write(m.Append(nil)); err != nil {
				return nil, err
			}
		}
		a, err := c.read()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			acked = false // and lets the machine say whether anybody is there
		case err != nil:
			return nil, err
		case a.Code == message.Empty:
			acked = acked || a.Type == message.Acknowledgement && a.ID == m.ID
		case bytes.Equal(a.Token, m.Token):
			return a, nil
		}
	}
	return nil, fmt.Errorf("%w: there is no answer", errNotAcknowledged)
}

// read takes one message, and acknowledges it if that is wanted. A call is kept.
func (c *coapClient) read() (*message.Message, error) {
	if err := c.conn.SetReadDeadline(time.Now().Add(again)); err != nil {
		return nil, err
	}
	b := make([]byte, 2000)
	n, err := c.conn.Read(b)
	if err != nil {
		return nil, err
	}
	m := &message.Message{}
	if err := m.Parse(b[:n]); err != nil {
		return nil, err
	}
	if m.Type == message.Confirmable {
		reply := message.Message{Type: message.Acknowledgement, ID: m.ID}
		if m.Code == message.Empty {
			reply.Type = message.Reset // a ping
		}
		if _, err := c.conn.Write(reply.Append(nil)); err != nil {
			return nil, err
		}
	}
	if _, notified := m.Options.Uint(message.Observe); notified && m.Code == message.Content && bytes.Equal(m.Token, c.observed) {
		c.calls = append(c.calls, m)
	}
	return m, nil
}

func (c *coapClient) post(path string, body []byte) error {
	a, err := c.ask(message.POST, path, body, nil)
	if err == nil && a.Code != message.Created {
		err = fmt.Errorf("%w: %v", errNotAcknowledged, a.Code)
	}
	return err
}

func (c *coapClient) provision(request []byte) ([]byte, error) {
	a, err := c.ask(message.POST, "provision", request, nil)
	if err == nil && a.Code != message.Created && a.Code != message.BadRequest { // 5.03 says that nothing was decided
		err = fmt.Errorf("%w: %v", errNotAcknowledged, a.Code)
	}
	if err != nil {
		return nil, err
	}
	return a.Payload, nil
}

func (c *coapClient) Post(payloads [][]byte, acked func(i int)) error {
	return each(payloads, func(p []byte) error { return c.post(c.token.Reveal()+"/attributes", p) }, acked)
}

func (c *coapClient) NextCall() (int32, []byte, error) {
	if c.observed == nil {
		c.observed = binary.BigEndian.AppendUint16(nil, c.last+1)
		a, err := c.ask(message.GET, c.token.Reveal()+"/rpc", nil, message.Options{}.AddUint(message.Observe, 0))
		if err == nil && a.Code != message.Valid {
			err = fmt.Errorf("%w: observing: %v", errNotAcknowledged, a.Code)
		}
		if err != nil {
			return 0, nil, err
		}
	}
	for range 5 { // a second
		if len(c.calls) > 0 {
			m := c.calls[0]
			c.calls = c.calls[1:]
			return readCall(m.Payload)
		}
		switch m, err := c.read(); {
		case errors.Is(err, os.ErrDeadlineExceeded):
			c.last++
			ping := message.Message{ID: c.last}
			if _, err := c.conn.Write(ping.Append(nil)); err != nil {
				return 0, nil, err
			}
		case err != nil:
			return 0, nil, err
		case m.Code == message.ServiceUnavailable:
			return 0, nil, fmt.Errorf("%w: the observation ended", errNotAcknowledged)
		}
	}
	return 0, nil, ErrNoCall
}

func (c *coapClient) Answer(number int32, body []byte) error {
	return c.post(fmt.Sprintf("%s/rpc/%d", c.token.Reveal(), number), body)
}

func (c *coapClient) Close() error { return c.conn.Close() }
