package main

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// version is how clients of a version of MQTT speak.
type version struct {
	name    string
	kept    func(s *scene, id string, present bool) *party
	publish func(topic string, qos byte, id uint16, payload string) string
	five    bool
}

var versions = []version{
	{"MQTT 3.1.1", func(s *scene, id string, present bool) *party { return s.kept3(id, present) }, publish3, false},
	{
		"MQTT 5", func(s *scene, id string, present bool) *party { return s.kept5(id, present) },
		func(topic string, qos byte, id uint16, payload string) string {
			return publish5(topic, qos, id, payload)
		}, true,
	},
}

// TestLossyConnections sends messages through connections that break at any moment. With QoS 2 each arrives once, with QoS 1
// at least once, and always in the order of sending (sections 4.3 and 4.6 of both standards).
func TestLossyConnections(t *testing.T) {
	t.Parallel()
	for _, v := range versions {
		for qos := byte(1); qos <= 2; qos++ {
			for seed := range uint64(8) {
				t.Run(fmt.Sprintf("%s, QoS %d, seed %d", v.name, qos, seed), func(t *testing.T) {
					t.Parallel()
					luck := rand.New(rand.NewPCG(seed, uint64(qos)))
					// Every other server acknowledges later, when the connection may be another one.
					s := &scene{t, serve(t, "--commit", []string{"0", "1ms"}[seed%2])}
					to := lossyReceiver(s, v, luck, qos)
					from := &lossySender{lossy{s: s, v: v, luck: luck, id: "from"}, qos}
					from.connect(false)
					const messages = 25
					for i := range messages {
						from.send(uint16(1+i%7), word(i))
						if luck.IntN(2) == 0 {
							to.receive(word(i))
						}
					}
					to.receive(word(messages - 1))
					for i := range messages {
						if i >= len(to.got) || to.got[i] != word(i) {
							t.Fatalf("got %v, want all %d in their order", to.got, messages)
						}
					}
					if len(to.got) != messages {
						t.Errorf("got %v, want each once", to.got)
					}
				})
			}
		}
	}
}

// lossy is a client with a session that is kept.
type lossy struct {
	s    *scene
	v    version
	luck *rand.Rand
	id   string
	*party
}

func (l *lossy) connect(present bool) { l.party = l.v.kept(l.s, l.id, present) }

// breaks loses the connection now and then, and makes another.
func (l *lossy) breaks() bool {
	if l.luck.IntN(4) > 0 {
		return false
	}
	l.drop()
	l.connect(true)
	return true
}

type lossySender struct {
	lossy
	qos byte
}

// send publishes a message until it is acknowledged to the end.
func (l *lossySender) send(id uint16, payload string) {
	l.s.t.Helper()
	first := l.v.publish("t", l.qos, id, payload)
	for message := first; ; message = with(dup, first) {
		l.party.send(message)
		if !l.breaks() {
			break
		}
	}
	l.want(ack([]packet.Type{0, packet.PUBACK, packet.PUBREC}[l.qos], id))
	for l.qos == 2 {
		l.party.send(ack(packet.PUBREL, id))
		if l.breaks() {
			continue
		}
		h, body := l.next()
		if h.Type != packet.PUBCOMP || body[1] != byte(id) { // 0x92 if the server has released it with a former connection
			l.s.t.Fatalf("got %v %x, want PUBCOMP for %d", h.Type, body, id)
		}
		break
	}
}

// receiver takes messages, and remembers what MQTT has it remember.
type receiver struct {
	lossy
	got  []string
	held map[uint16]bool // QoS 2 messages without PUBREL
}

func lossyReceiver(s *scene, v version, luck *rand.Rand, qos byte) *receiver {
	s.t.Helper()
	r := &receiver{lossy: lossy{s: s, v: v, luck: luck, id: "to"}, held: map[uint16]bool{}}
	r.connect(false)
	if v.five {
		r.ask(subscribe5(at(qos), "t"))
	} else {
		r.ask(subscribe3(qos, "t"))
	}
	return r
}

// receive goes on until a message is there, and with QoS 2 released.
func (r *receiver) receive(last string) {
	r.s.t.Helper()
	for len(r.got) == 0 || r.got[len(r.got)-1] != last || len(r.held) > 0 {
		h, body := r.next()
		if h.Type == packet.PUBREL {
			id := uint16(body[0])<<8 | uint16(body[1])
			delete(r.held, id)
			if !r.breaks() {
				r.party.send(ack(packet.PUBCOMP, id))
				r.breaks()
			}
			continue
		}
		m := r.message(h, body)
		if m.QoS == 1 && !slices.Contains(r.got, string(m.Payload)) || m.QoS == 2 && !r.held[m.ID] {
			r.got = append(r.got, string(m.Payload))
		}
		answer := packet.PUBACK
		if m.QoS == 2 {
			answer, r.held[m.ID] = packet.PUBREC, true
		}
		if !r.breaks() {
			r.party.send(ack(answer, m.ID))
			r.breaks()
		}
	}
}

func (r *receiver) message(h packet.Header, body []byte) (m packet.Publish) {
	r.s.t.Helper()
	var err error
	if r.v.five {
		err = m.Decode5(h.Flags, body, &packet.Rules{FromServer: true})
	} else {
		err = m.Decode(h.Flags, body)
	}
	if h.Type != packet.PUBLISH || err != nil {
		r.s.t.Fatalf("got %v, %v, want a PUBLISH or PUBREL", h.Type, err)
	}
	return m
}
