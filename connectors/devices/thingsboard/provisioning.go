package thingsboard

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
	"github.com/gridtie/gridtie/connectors/devices/thingsboard/body"
)

// provisioning is a provision-only session: all it can do is ask for credentials.
type provisioning struct {
	dialect *Dialect
	conn    *mqttserver.Conn
	qos     atomic.Uint32 // of answers; they come from another goroutine

	// The reading goroutine's alone.
	asked      int // requests
	subscribed bool
}

var _ mqttserver.Handler = (*provisioning)(nil)

func newProvisioning(d *Dialect, c *mqttserver.Conn) *provisioning {
	p := &provisioning{dialect: d, conn: c}
	p.qos.Store(replyQoS)
	return p
}

// Publish takes a provisioning request. Anything else, also "/provision", ends the session. A body that is no JSON
// object does so without an acknowledgement, if the client cannot be told why, and so does one request too many; an object
// that is no request, with one.
func (p *provisioning) Publish(ctx context.Context, m mqttserver.Publish, done func(mqttserver.Verdict)) {
	if m.Topic != provisionRequest {
		done(mqttserver.AckAndClose.With(packet.TopicNameInvalid))
		return
	}
	if p.asked++; p.asked > p.dialect.options.ProvisionRequests {
		done(mqttserver.CloseWithoutAck.With(packet.QuotaExceeded))
		return
	}
	request, err := p.dialect.provisionRequest(m.Payload)
	switch {
	case errors.Is(err, body.ErrNoRequest):
		done(mqttserver.AckAndClose.With(packet.ImplementationSpecificError))
		return
	case err != nil:
		done(invalid(p.conn, m))
		return
	}
	request.From = devices.SourceOf(p.conn.RemoteAddr())
	p.dialect.service.Provision(ctx, request, func(r devices.ProvisionReply) {
		if r.Status == devices.StatusUnavailable || r.Status == devices.StatusLimited {
			done(mqttserver.CloseWithoutAck)
			return
		}
		done(mqttserver.Ack)
		// Also to a client that did not subscribe. One that is gone meanwhile has to ask again.
		_ = p.conn.Publish(provisionResponse, body.Provision(r), byte(p.qos.Load()))
		if r.Status.Throttled() {
			p.conn.Close(mqttserver.ClosedVerdict)
			return
		}
		p.conn.CloseAfter(p.dialect.options.ProvisionIdle)
	})
}

// Subscribe grants the one filter there is.
func (p *provisioning) Subscribe(_ context.Context, s mqttserver.Subscription) packet.ReasonCode {
	if s.Filter != provisionResponse {
		return packet.TopicFilterInvalid
	}
	granted := min(packet.ReasonCode(s.QoS), packet.GrantedQoS1)
	p.qos.Store(uint32(granted))
	p.subscribed = true
	return granted
}

// Unsubscribe takes the subscription back; answers come all the same.
func (p *provisioning) Unsubscribe(_ context.Context, filter string) packet.ReasonCode {
	switch {
	case filter != provisionResponse:
		return packet.TopicFilterInvalid
	case !p.subscribed:
		return packet.NoSubscriptionExisted
	}
	p.qos.Store(replyQoS)
	p.subscribed = false
	return packet.Success
}

// Closed has nothing to end.
func (p *provisioning) Closed(mqttserver.CloseReason) {}

func (d *Dialect) provisionRequest(payload []byte) (devices.ProvisionRequest, error) {
	v, err := d.service.Parse(payload)
	if err != nil {
		return devices.ProvisionRequest{}, err
	}
	return body.ReadProvision(v)
}
