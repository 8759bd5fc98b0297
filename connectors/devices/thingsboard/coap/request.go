package coap

import (
	"context"
	"errors"
	"strings"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/coapserver"
	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
)

// readAttributes answers with what there is; where there is nothing, ThingsBoard says 4.04.
func (d *Dialect) readAttributes(
	ctx context.Context, s *devices.Session, r *coapserver.Request, answer func(coapserver.Response),
) {
	client, shared, err := s.Attributes(ctx, keys(r, "clientKeys"), keys(r, "sharedKeys"))
	var over *devices.RateError
	switch {
	case errors.As(err, &over):
		answer(limited(over))
	case errors.Is(err, devices.ErrTooManyKeys):
		answer(plain(message.BadRequest))
	case err != nil:
		d.log.Warn().Str("event", "attributes_unread").Str("device", s.Device().ID).Err(err).Send()
		answer(later(message.ServiceUnavailable, retryAfter))
	case len(client)+len(shared) == 0:
		answer(plain(message.NotFound))
	default:
		answer(content(r, body.Attributes(client, shared)))
	}
}

func keys(r *coapserver.Request, name string) []string {
	for _, q := range r.Queries {
		if value, ok := strings.CutPrefix(q, name+"="); ok && value != "" {
			return strings.Split(value, ",")
		}
	}
	return nil
}

// answerCall takes the answer to a call. It has to be an object; what is not gets 5.00, as in ThingsBoard.
func (d *Dialect) answerCall(
	ctx context.Context, s *devices.Session, r *coapserver.Request, t target, answer func(coapserver.Response),
) {
	number, ok := t.call()
	v, err := d.service.Parse(r.Payload)
	switch {
	case !ok:
		answer(plain(message.BadRequest))
	case err != nil || v.Kind() != intake.Object:
		answer(plain(message.InternalServerError))
	default:
		s.Answer(ctx, number, r.Payload, func(f engine.Fate) { answer(verdict(f)) })
	}
}

// ask hands a request of the device to the chains, and answers with their reply; 5.04 if there is none.
func (d *Dialect) ask(ctx context.Context, s *devices.Session, r *coapserver.Request, answer func(coapserver.Response)) {
	v, err := d.service.Parse(r.Payload)
	var q devices.Request
	if err == nil {
		q, err = body.ReadRequest(v)
	}
	if err != nil {
		answer(plain(message.InternalServerError)) // as ThingsBoard
		return
	}
	over := func(with coapserver.Response) {
		answer(with)
		s.Close()
	}
	err = s.Ask(ctx, q,
		func(f engine.Fate) {
			if f.State == engine.Abandoned {
				over(verdict(f))
			}
		},
		func(reply []byte) {
			if string(reply) == devices.TimeoutReply {
				over(plain(message.GatewayTimeout))
				return
			}
			over(content(r, reply))
		})
	if err != nil {
		over(later(message.ServiceUnavailable, retryAfter))
	}
}

// provision answers a device that asks for credentials.
func (d *Dialect) provision(ctx context.Context, r *coapserver.Request, answer func(coapserver.Response)) {
	v, err := d.service.Parse(r.Payload)
	var q devices.ProvisionRequest
	if err == nil {
		q, err = body.ReadProvision(v)
	}
	if err != nil {
		answer(plain(message.BadRequest))
		return
	}
	q.From = source(r)
	d.service.Provision(ctx, q, func(reply devices.ProvisionReply) {
		tooMuch := reply.Status.Throttled() || reply.Status == devices.StatusLimited
		if !tooMuch || q.From != unproved {
			answer(provisioned(reply))
			return
		}
		r.Prove(func(ctx context.Context, proved bool) {
			if !proved {
				answer(provisioned(reply))
				return
			}
			q.From = r.Peer.Address.Addr()
			d.service.Provision(ctx, q, func(reply devices.ProvisionReply) { answer(provisioned(reply)) })
		})
	})
}

func provisioned(r devices.ProvisionReply) coapserver.Response {
	with := coapserver.Response{Code: message.BadRequest, Payload: body.Provision(r), Format: coapserver.NoFormat}
	switch {
	case r.Status == devices.StatusLimited:
		return limited(r.Retry)
	case r.Status == devices.StatusUnavailable:
		return later(message.ServiceUnavailable, retryAfter)
	case r.Status == devices.StatusSuccess:
		with.Code = message.Created
	case r.Status.Throttled():
		with.Code, with.MaxAge = message.TooManyRequests, throttledFor
	}
	return with
}
