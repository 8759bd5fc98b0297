package mqttserver

import (
	"crypto/rand"
	"errors"
	"math"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// five is what a client of MQTT 5 said in its CONNECT and is told because of it. Of other clients there is none, and the
// methods that say so work on nil, too.
type five struct {
	limit    uint32 // Maximum Packet Size: nothing larger is sent
	receive  int    // Receive Maximum: as many QoS 1 and 2 messages may be unacknowledged
	silent   bool   // Request Problem Information is 0
	expiry   uint32 // Session Expiry Interval that it wants, in seconds
	nameless bool   // it wants a client identifier

	aliases []string // the topic of alias 1, and so on; the reading goroutine's alone
	naming  naming   // guarded by Conn.mu
	parting []byte   // the DISCONNECT, to be written last; guarded by Conn.mu
}

// unusable stands for a topic that was refused, where a topic alias was set with it. No topic is like it.
const unusable = "\x00"

var (
	errMethod = &packet.Error{
		Fault: packet.Malformed, Code: packet.BadAuthenticationMethod, Text: "no authentication method is known here",
	}
	errNoAlias = &packet.Error{
		Fault: packet.Malformed, Code: packet.ProtocolError, Rule: "MQTT 5.0 section 3.3.2.3.4", Text: "topic alias was not set before",
	}
	errRaisedExpiry = &packet.Error{
		Fault: packet.Malformed, Code: packet.ProtocolError, Rule: "MQTT 5.0 section 3.14.2.2.2",
		Text: "session expiry interval after one of 0",
	}
)

func newFive(p packet.Properties) *five {
	f := &five{receive: int(p.Value(packet.ReceiveMaximum)), silent: p.Value(packet.RequestProblemInformation) == 0}
	f.limit, _ = p.Number(packet.MaximumPacketSize)
	f.expiry = p.Value(packet.SessionExpiryInterval)
	f.naming.most = uint16(p.Value(packet.TopicAliasMaximum))
	return f
}

// packetLimit is the largest packet that may be sent; 0 is no limit.
func (f *five) packetLimit() uint32 {
	if f == nil {
		return 0
	}
	return f.limit
}

// window is how many QoS 1 and 2 messages may be unacknowledged.
func (f *five) window(otherwise int) int {
	if f == nil {
		return otherwise
	}
	return min(f.receive, otherwise)
}

// takes reports whether a message is within the packet limit.
func (f *five) takes(m *Message) bool {
	if f.packetLimit() == 0 {
		return true
	}
	p := m.packet(true)
	return uint64(p.Size5()) <= uint64(f.limit)
}

// part prepares the last packet.
func (f *five) part(code packet.ReasonCode, text string) {
	d := packet.Disconnect{Code: code, Properties: f.why(text)}
	f.parting = d.Append(nil, f.limit)
}

// why is a Reason String for people, if the client wants one. It holds nothing that came from a client.
func (f *five) why(text string) packet.Properties {
	if text == "" || f.silent {
		return nil
	}
	return packet.Properties(nil).AppendText(packet.ReasonString, text)
}

// topic is that of a PUBLISH, whose topic alias is taken note of or looked up.
func (f *five) topic(p *packet.Publish, unfit bool) (string, error) {
	alias, ok := p.Properties.Number(packet.TopicAlias) // within the maximum, says the codec
	switch {
	case !ok && unfit:
		return unusable, nil
	case !ok:
		return p.Topic, nil
	case p.Topic == "" && (int(alias) > len(f.aliases) || f.aliases[alias-1] == ""):
		return "", errNoAlias
	case p.Topic == "":
		return f.aliases[alias-1], nil
	}
	for len(f.aliases) < int(alias) {
		f.aliases = append(f.aliases, "")
	}
	f.aliases[alias-1] = p.Topic
	if unfit {
		f.aliases[alias-1] = unusable
	}
	return f.aliases[alias-1], nil
}

// receiveMaximum is how many messages a client of MQTT 5 may have without an acknowledgement.
func (s *Server) receiveMaximum() int { return min(s.limits.Inflight, math.MaxUint16) }

// announcement is what every CONNACK says. What a dialect makes available follows; what neither says is available.
func (s *Server) announcement() packet.Properties {
	return packet.Properties(nil).
		AppendNumber(packet.ReceiveMaximum, uint32(s.receiveMaximum())).
		AppendNumber(packet.MaximumPacketSize, uint32(min(s.limits.PacketBytes, math.MaxUint32))).
		AppendNumber(packet.TopicAliasMaximum, uint32(s.limits.TopicAliases))
}

// announce is what the CONNACK of a client says, and the keep-alive in force.
func (c *Conn) announce(keepAlive uint16) (packet.Properties, uint16) {
	all := c.terms.announce(append(packet.Properties(nil), c.server.announced...))
	longest := c.server.limits.KeepAlive
	if keepAlive == 0 {
		longest = max(min(longest, c.server.limits.Inactivity*2/3), time.Second)
	}
	if most := uint16(longest / time.Second); keepAlive == 0 || keepAlive > most {
		keepAlive = most
		all = all.AppendNumber(packet.ServerKeepAlive, uint32(keepAlive))
	}
	if granted := uint32(c.expiry / time.Second); granted != c.five.expiry {
		all = all.AppendNumber(packet.SessionExpiryInterval, granted)
	}
	if c.five.nameless {
		all = all.AppendText(packet.AssignedClientIdentifier, c.clientID)
	}
	return all, keepAlive
}

// open5 is open for a client of MQTT 5, whose CONNECT was read with err.
func (c *Conn) open5(p *packet.Connect, err error) Refusal {
	f := newFive(p.Properties)
	c.mu.Lock()
	c.five = f
	c.mu.Unlock()
	if err != nil {
		return c.refuseFor(err)
	}
	if _, method := p.Properties.Text(packet.AuthenticationMethod); method {
		c.refuseFor(errMethod)
		return RefusedCode
	}
	if f.nameless = p.ClientID == ""; f.nameless {
		c.clientID = rand.Text()
	}
	return c.admitted(p)
}

// refuseFor answers a CONNECT that is not sound.
func (c *Conn) refuseFor(err error) Refusal {
	var bad *packet.Error
	if !errors.As(err, &bad) {
		return c.turnAway(err)
	}
	k := packet.Connack{Code: orUnspecified(bad.Code, packet.CONNACK), Properties: c.five.why(bad.Error())}
	if refused := c.refuseWith(&k); refused != RefusedCode || bad.Fault == packet.BadVersion {
		return refused
	}
	return RefusedMalformed
}
