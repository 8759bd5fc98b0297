package crashtest

import (
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Addresses are where a process listens, by way: MQTT, HTTP, CoAP. Where it does not, meters speak MQTT.
type Addresses [overCoAP + 1]string

func (a Addresses) way(n int) way {
	if by := wayOf(n); a[by] != "" {
		return by
	}
	return overMQTT
}

// speaker is a meter's connection, or what it does for one. It belongs to one goroutine.
type speaker interface {
	// Post sends attributes messages, and calls acked with the position of each as it is acknowledged.
	Post(payloads [][]byte, acked func(i int)) error
	// NextCall waits for a call and acknowledges it. ErrNoCall means that none came for a while.
	NextCall() (number int32, params []byte, err error)
	// Answer sends the answer to a call and waits until it is acknowledged.
	Answer(number int32, body []byte) error
	Close() error
}

// ErrNoCall means that no call came for a while.
var ErrNoCall = errors.New("no call came")

// speak lets a meter speak, by its way.
func speak(to Addresses, n int, given registry.Credentials) (speaker, error) {
	switch by := to.way(n); by {
	case overHTTP:
		return dialHTTP(to[by], given.Token), nil
	case overCoAP:
		return dialCoAP(to[by], given.Token)
	}
	return Dial(to[overMQTT], loginOf(given))
}

// provision asks for credentials by the meter's way.
func (w *World) provision(to Addresses, n int) (given registry.Credentials, err error) {
	request := w.request(name(n), wanted(n))
	var answer []byte
	switch by := to.way(n); by {
	case overHTTP:
		h := dialHTTP(to[by], secret.Text{})
		answer, err = h.provision(request)
		err = errors.Join(err, h.Close())
	case overCoAP:
		c, failed := dialCoAP(to[by], secret.Text{})
		if failed != nil {
			return given, failed
		}
		answer, err = c.provision(request)
		err = errors.Join(err, c.Close())
	default:
		return w.Provision(to[overMQTT], name(n), wanted(n))
	}
	if err != nil {
		return given, err
	}
	return granted(answer)
}

// each posts one message after another.
func each(payloads [][]byte, post func([]byte) error, acked func(i int)) error {
	for i, p := range payloads {
		if err := post(p); err != nil {
			return fmt.Errorf("message %d: %w", i+1, err)
		}
		acked(i)
	}
	return nil
}
