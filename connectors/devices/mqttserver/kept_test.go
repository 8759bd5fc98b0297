package mqttserver_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// play is a conversation of clients, by name, with a server whose sessions may outlive their connections.
type play struct {
	*bench
	d       *dialect
	clients map[string]*client
}

// step is one thing that happens in a play.
type step func(*play)

// perform runs the steps against a server in fake time.
func perform(t *testing.T, limits mqttserver.Limits, d *dialect, steps []step) {
	t.Helper()
	d.keep = true
	bubble(t, limits, d, func(b *bench) {
		p := &play{bench: b, d: d, clients: map[string]*client{}}
		for i, s := range steps {
			s(p)
			if b.t.Failed() {
				b.t.Fatalf("step %d went wrong", i)
			}
		}
	})
}

// arrives makes a new connection of a client, and wants an answer to its CONNECT.
func arrives(who, connect, want string) step {
	return func(p *play) {
		p.clients[who] = p.dial()
		p.clients[who].send(connect)
		p.clients[who].want(want, false)
	}
}

// turned is arrives for who is not let in.
func turned(connect, want string) step {
	return func(p *play) {
		c := p.dial()
		c.send(connect)
		c.want(want, true)
	}
}

// says sends what a client says, if anything, and wants an answer.
func says(who, what, want string) step {
	return func(p *play) {
		if what != "" {
			p.clients[who].send(what)
		}
		p.clients[who].want(want, false)
	}
}

// leaves is says, and wants the connection to end.
func leaves(who, what, want string) step {
	return func(p *play) {
		if what != "" {
			p.clients[who].send(what)
		}
		p.clients[who].want(want, true)
	}
}

// hangsUp ends a connection without a word.
func hangsUp(who string) step {
	return func(p *play) {
		_ = p.clients[who].conn.Close()
		synctest.Wait()
	}
}

func waits(d time.Duration) step {
	return func(*play) {
		time.Sleep(d)
		synctest.Wait()
	}
}

// sends sends messages to the last session, and wants them to be taken.
func sends(all ...mqttserver.Message) step {
	return func(p *play) {
		for _, m := range all {
			if err := p.d.kept.Send(m); err != nil {
				p.t.Errorf("sending %q: %v", m.Payload, err)
			}
		}
		synctest.Wait()
	}
}

// noted wants what the handler was told so far.
func noted(want string) step {
	return func(p *play) {
		if got := p.d.noted(); got != want {
			p.t.Errorf("handler: got %q, want %q", got, want)
		}
	}
}

// message has topic "t".
func message(qos byte, payload string) mqttserver.Message {
	return mqttserver.Message{Topic: "t", Payload: []byte(payload), QoS: qos}
}

// again is a PUBLISH with DUP.
func again(qos byte, id uint16, payload string) string {
	p := packet.Publish{Topic: "t", QoS: qos, ID: id, Payload: []byte(payload), Dup: true}
	return string(p.Append(nil))
}

// again5 is again in MQTT 5.
func again5(qos byte, id uint16, payload string, props packet.Properties) string {
	p := packet.Publish{Topic: "t", QoS: qos, ID: id, Payload: []byte(payload), Dup: true, Properties: props}
	return string(p.Append5(nil))
}

// resumed is the CONNACK of MQTT 3.1.1 for a session that was there.
const resumed = "\x20\x02\x01\x00"

// stored is a CONNECT of MQTT 3.1.1 without clean session.
func stored(id string) string { return storedAs(packet.V311, id, nil) }

func storedAs(v packet.Version, id string, w *packet.Will) string {
	c := packet.Connect{Version: v, KeepAlive: 60, ClientID: id, Will: w}
	return string(c.Append(nil))
}

func connectClean(id string) string {
	c := packet.Connect{Version: packet.V311, CleanSession: true, KeepAlive: 60, ClientID: id}
	return string(c.Append(nil))
}

// expiring is a CONNECT of MQTT 5 whose session outlives the connection by so many seconds.
func expiring(seconds uint32, clean bool, w *packet.Will, more packet.Properties) string {
	if seconds > 0 {
		more = more.AppendNumber(packet.SessionExpiryInterval, seconds)
	}
	c := packet.Connect{Version: packet.V5, CleanSession: clean, KeepAlive: 60, ClientID: "c1", Properties: more, Will: w}
	return string(c.Append(nil))
}

// resumed5 is the CONNACK of MQTT 5 for a session that was there.
func resumed5(more packet.Properties) string {
	c := packet.Connack{SessionPresent: true, Properties: append(announced(), more...)}
	return string(c.Append(nil, packet.V5, 0))
}

// parts is a DISCONNECT of MQTT 5 from a client.
func parts(code packet.ReasonCode, expiry ...uint32) string {
	d := packet.Disconnect{Code: code}
	for _, seconds := range expiry {
		d.Properties = props().AppendNumber(packet.SessionExpiryInterval, seconds)
	}
	return string(d.Append(nil, 0))
}
