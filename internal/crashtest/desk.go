package crashtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/coap"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/web"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
)

// desk takes what meters send without sockets: by the handlers of the protocols, or, for MQTT, by what stands behind its
// sessions. A nil error is an acknowledgement.
type desk struct {
	service *devices.Service
	web     *web.Handler
	coap    *coap.Dialect
}

func newDesk(s *devices.Service) *desk {
	return &desk{service: s, web: web.New(s, web.Options{}), coap: coap.New(s, coap.Options{})}
}

// post sends something to a path below a device's token.
func (d *desk) post(ctx context.Context, by way, token secret.Text, path string, body []byte) error {
	if by == overHTTP {
		r, err := http.NewRequestWithContext(ctx, http.MethodPost, "/api/v1/"+token.Reveal()+"/"+path, bytes.NewReader(body))
		if err != nil {
			return err
		}
		r.RemoteAddr = "127.0.0.1:1"
		answer := httptest.NewRecorder()
		d.web.ServeHTTP(answer, r)
		if answer.Code != http.StatusOK {
			return fmt.Errorf("%w: %s: %d", errNotAcknowledged, path, answer.Code)
		}
		return nil
	}
	answers := make(chan coapserver.Response, 1)
	d.coap.Handle(ctx, &coapserver.Request{
		Method: message.POST, Path: append([]string{"api", "v1", token.Reveal()}, strings.Split(path, "/")...), Payload: body,
		Format: coapserver.NoFormat, Accept: coapserver.NoFormat,
		Peer: &coapserver.Peer{Secure: true, Address: netip.MustParseAddrPort("127.0.0.1:1")},
	}, func(r coapserver.Response) { answers <- r })
	if r := <-answers; r.Code != message.Created {
		return fmt.Errorf("%w: %s: %v", errNotAcknowledged, path, r.Code)
	}
	return nil
}

// attend makes calls to a meter, and has it take and answer them.
func (d *desk) attend(ctx context.Context, l *Log, session *devices.Session, n int) error {
	for range Calls {
		k := l.AskCall(n)
		made, err := d.service.Call(ctx, session.Device().ID, devices.Call{Method: "work", Params: callParams(k), Persistent: true})
		if err != nil {
			return err
		}
		l.AcceptCall(n, k, made.ID)
	}
	for range Calls {
		c, err := session.Twin().NextCall(ctx)
		if err != nil {
			return err
		}
		k := numberIn(c.Params, "call")
		l.SeeCall(n, k, c.ID)
		j := l.AnswerCall(n, k)
		if err := d.answer(ctx, l.Meter(n), session, c.ID, callAnswer(j)); err != nil {
			return err
		}
		l.AckAnswer(n, k, j)
	}
	return nil
}

func (d *desk) answer(ctx context.Context, m Meter, session *devices.Session, call int32, body []byte) error {
	if by := wayOf(m.Number); by != overMQTT {
		return d.post(ctx, by, m.Credentials.Token, fmt.Sprint("rpc/", call), body)
	}
	fates := make(chan engine.Fate, 1)
	session.Answer(ctx, call, body, func(f engine.Fate) { fates <- f })
	if f := <-fates; f.State == engine.Abandoned {
		return errors.Join(fmt.Errorf("%w: answer", errNotAcknowledged), f.Cause)
	}
	return nil
}
