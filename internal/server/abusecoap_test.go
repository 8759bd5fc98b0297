package server_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/dtls/v3"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

func dialCoAP(from net.IP, v *victim) (*net.UDPConn, error) {
	return dialUDP(from, v.Addresses()["coap"])
}

func dialUDP(from net.IP, to string) (*net.UDPConn, error) {
	at, err := net.ResolveUDPAddr("udp", to)
	if err != nil {
		return nil, err
	}
	return net.DialUDP("udp", &net.UDPAddr{IP: from}, at)
}

// claimCoAP sends datagrams that are too large, and bodies in blocks that claim to be, or to have come as far as 256 MiB.
func claimCoAP(_ context.Context, v *victim, from net.IP) error {
	c, err := dialCoAP(from, v)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	block, path := strings.Repeat("x", 1024), "api/v1/"+tokenOf("attacker")+"/telemetry"
	id := uint16(0)
	post := func(want message.Code, payload string, change func(m *message.Message)) error {
		id++
		m := coapRequest(id, message.POST, path, payload)
		change(&m)
		a, err := exchange(c, m)
		if err == nil && a.Code != want {
			err = fmt.Errorf("got %v, want %v", a.Code, want)
		}
		return err
	}
	for range 8 {
		err := errors.Join(
			post(message.EntityTooLarge, strings.Repeat("x", 5000), func(*message.Message) {}),
			post(message.EntityTooLarge, block, func(m *message.Message) {
				m.Options = m.Options.AddBlock(message.Block1, message.Block{More: true, Size: message.Largest}).AddUint(message.Size1, 256<<20)
			}),
			post(message.Incomplete, block, func(m *message.Message) {
				m.Options = m.Options.AddBlock(message.Block1, message.Block{Number: 256 << 10, More: true, Size: message.Largest})
			}),
		)
		if err != nil {
			return err
		}
	}
	return nil
}

// mute is a socket at an address that somebody forged: what is sent there is only counted.
type mute struct {
	*net.UDPConn
	sent, got atomic.Int64
	reading   sync.WaitGroup
	answered  chan struct{} // closed with the first datagram that is more than a ping
}

func newMute(from net.IP, to string) (*mute, error) {
	c, err := dialUDP(from, to)
	if err != nil {
		return nil, err
	}
	m := &mute{UDPConn: c, answered: make(chan struct{})}
	m.reading.Go(func() {
		var once sync.Once
		for buffer := make([]byte, 65536); ; {
			n, err := c.Read(buffer)
			if err != nil {
				return
			}
			m.got.Add(int64(n))
			if n > 4 {
				once.Do(func() { close(m.answered) })
			}
		}
	})
	return m, nil
}

func (m *mute) send(b []byte) error {
	m.sent.Add(int64(len(b)))
	_, err := m.Write(b)
	return err
}

// end closes the socket, and needs it to have got no more than three times what it sent (RFC 7252 section 11.3).
func (m *mute) end() error {
	err := m.Close()
	m.reading.Wait()
	if got, most := m.got.Load(), 3*m.sent.Load(); got > most {
		err = errors.Join(err, fmt.Errorf("%d bytes were sent to an address that is not proved, want at most %d", got, most))
	}
	return err
}

type mutes []*mute

func (all mutes) end() (err error) {
	for _, m := range all {
		err = errors.Join(err, m.end())
	}
	return err
}

// forgedCoAP asks in the name of others for more than a small request may bring: attributes that are large, and
// notifications of every change, until what would have to be sent again is withheld.
func forgedCoAP(ctx context.Context, v *victim, from net.IP) (err error) {
	if err := v.share(ctx, "attacker", "large", `"`+strings.Repeat("x", 3000)+`"`); err != nil {
		return err
	}
	const withheld = "gridtie_coap_withheld_total"
	before := v.scrape(v.t)[withheld]
	var all mutes
	defer func() { err = errors.Join(err, all.end()) }()
	for range few {
		m, err2 := newMute(from, v.Addresses()["coap"])
		if err2 != nil {
			return err2
		}
		all = append(all, m)
		path := "api/v1/" + tokenOf("attacker") + "/attributes"
		observe := coapRequest(1, message.GET, path, "")
		observe.Options = message.Options{}.AddUint(message.Observe, 0)
		for _, s := range strings.Split(path, "/") {
			observe.Options = observe.Options.Add(message.URIPath, []byte(s))
		}
		if err := m.send(observe.Append(nil)); err != nil {
			return err
		}
		select {
		case <-m.answered: // after nobody answered a ping
		case <-ctx.Done():
			return nil
		}
		// One after another: a device has one observation of a kind.
		if err := v.notifyUntilSlow(ctx); err != nil {
			return err
		}
	}
	v.await(ctx, func(now map[string]float64) bool { return now[withheld] >= before+few })
	return nil
}

// await waits until metrics are as they should be, or ctx has ended.
func (v *victim) await(ctx context.Context, holds func(now map[string]float64) bool) {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !holds(v.scrape(v.t)) {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// notifyUntilSlow changes attributes until an observation ends that does not acknowledge.
func (v *victim) notifyUntilSlow(ctx context.Context) error {
	slow := why("gridtie_coap_observations_ended_total", "slow")
	for before := v.scrape(v.t)[slow]; v.scrape(v.t)[slow] == before && ctx.Err() == nil; {
		for n := range 10 {
			if err := v.share(ctx, "attacker", "small", fmt.Sprint(time.Now().UnixNano()%1e6+int64(n))); err != nil && ctx.Err() == nil {
				return err
			}
		}
	}
	return nil
}

// halfOpenDTLS begins handshakes from many ports of one address, and does not go on with them.
func halfOpenDTLS(ctx context.Context, v *victim, from net.IP) (err error) {
	hello, err := helloDTLS(ctx)
	if err != nil {
		return err
	}
	counted := func(now map[string]float64) float64 {
		return now[why(refusedDTLS, "displaced")] + now[why(refusedDTLS, "timeout")]
	}
	before := counted(v.scrape(v.t))
	var all mutes
	defer func() { err = errors.Join(err, all.end()) }()
	for range halfOpen {
		m, err2 := newMute(from, v.Addresses()["coaps"])
		if err2 != nil {
			return err2
		}
		all = append(all, m)
		if err := m.send(hello); err != nil {
			return err
		}
	}
	v.await(ctx, func(now map[string]float64) bool { return counted(now) >= before+halfOpen })
	return nil
}

// helloDTLS is the first message of a handshake.
func helloDTLS(ctx context.Context) ([]byte, error) {
	l, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	defer func() { _ = l.Close() }()
	at, _ := l.LocalAddr().(*net.UDPAddr)
	c, err := dtls.DialWithOptions("udp", at, dtls.WithInsecureSkipVerify(true))
	if err != nil {
		return nil, err
	}
	shaking, cancel := context.WithCancel(ctx)
	over := make(chan struct{})
	go func() {
		defer close(over)
		_ = c.HandshakeContext(shaking)
	}()
	b := make([]byte, 4096)
	n, err := l.Read(b)
	cancel()
	<-over
	_ = c.Close()
	return b[:n], err
}
