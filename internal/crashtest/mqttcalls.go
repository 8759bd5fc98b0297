package crashtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

const (
	callTopic   = "v1/devices/me/rpc/request/"
	answerTopic = "v1/devices/me/rpc/response/"
)

// call is a PUBLISH that carries a call.
type call struct {
	number int32
	params []byte
}

// await reads packets until one is of a type, and keeps the calls that come before. Those are acknowledged.
func (c *Client) await(want packet.Type) ([]byte, error) {
	for {
		h, body, err := c.next()
		switch {
		case err != nil || h.Type == want && h.Type != packet.PUBLISH:
			return body, err
		case h.Type != packet.PUBLISH:
			return nil, fmt.Errorf("%v in place of %v", h.Type, want)
		}
		if err := c.take(h.Flags, body); err != nil || want == packet.PUBLISH {
			return nil, err
		}
	}
}

// take acknowledges a call.
func (c *Client) take(flags byte, body []byte) error {
	var p packet.Publish
	if err := p.Decode(flags, body); err != nil {
		return err
	}
	text, ok := strings.CutPrefix(p.Topic, callTopic)
	number, err := strconv.ParseInt(text, 10, 32)
	if !ok || err != nil {
		return fmt.Errorf("a message on %q", p.Topic)
	}
	var content struct{ Params json.RawMessage }
	if err := json.Unmarshal(p.Payload, &content); err != nil {
		return err
	}
	c.calls = append(c.calls, call{int32(number), content.Params})
	return c.write(packet.Ack{ID: p.ID}.Append(nil, packet.PUBACK))
}

// NextCall takes calls, with QoS 1.
func (c *Client) NextCall() (int32, []byte, error) {
	if !c.subscribed {
		c.last++
		p := packet.Subscribe{ID: c.last, Subscriptions: []packet.Subscription{{Filter: callTopic + "+", QoS: 1}}}
		if err := c.write(p.Append(nil)); err != nil {
			return 0, nil, err
		}
		if _, err := c.await(packet.SUBACK); err != nil {
			return 0, nil, err
		}
		c.subscribed = true
	}
	if len(c.calls) == 0 {
		if err := c.conn.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			return 0, nil, err
		}
		if _, err := c.await(packet.PUBLISH); errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, nil, ErrNoCall
		} else if err != nil {
			return 0, nil, err
		}
		if err := c.conn.SetReadDeadline(time.Now().Add(patience)); err != nil {
			return 0, nil, err
		}
	}
	first := c.calls[0]
	c.calls = c.calls[1:]
	return first.number, first.params, nil
}

// Answer answers a call.
func (c *Client) Answer(number int32, body []byte) error {
	if err := c.write(c.publish(nil, answerTopic+strconv.Itoa(int(number)), body)); err != nil {
		return err
	}
	_, err := c.await(packet.PUBACK)
	return err
}
