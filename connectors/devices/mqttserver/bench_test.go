package mqttserver_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices/mqttserver"
	"github.com/gridtie/gridtie/connectors/devices/mqttserver/packet"
)

// ackAll is a session that costs nothing.
type ackAll struct{}

func (ackAll) Publish(_ context.Context, _ mqttserver.Publish, done func(mqttserver.Verdict)) {
	done(mqttserver.Ack)
}

func (ackAll) Subscribe(context.Context, mqttserver.Subscription) packet.ReasonCode {
	return packet.GrantedQoS0
}
func (ackAll) Unsubscribe(context.Context, string) packet.ReasonCode { return packet.Success }
func (ackAll) Closed(mqttserver.CloseReason)                         {}

var acceptAll = dialectFunc(func(*mqttserver.Conn) mqttserver.Handler { return ackAll{} })

func enter(tb testing.TB, address string) net.Conn {
	c, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = c.Close() })
	if _, err := io.WriteString(c, hello); err != nil {
		tb.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, len(welcome))); err != nil {
		tb.Fatal(err)
	}
	return c
}

// BenchmarkPublish is the whole way of a QoS 1 message of 200 bytes, clients included: 50 of them, each with 10
// messages on their way.
func BenchmarkPublish(b *testing.B) {
	const clients, window = 50, 10
	address := serveTCP(b, mqttserver.Options{}, acceptAll)
	m := packet.Publish{
		Topic: "v1/devices/me/telemetry", QoS: 1, ID: 1, Payload: []byte(strings.Repeat("x", 200-3-2-23-2)),
	}
	burst := strings.Repeat(string(m.Append(nil)), window)
	conns := make([]net.Conn, clients)
	for i := range conns {
		conns[i] = enter(b, address)
	}
	b.ReportAllocs()
	b.ResetTimer()
	var wg sync.WaitGroup
	for _, c := range conns {
		wg.Go(func() {
			acks := make([]byte, 4*window)
			for range b.N/clients/window + 1 {
				if _, err := io.WriteString(c, burst); err != nil {
					b.Error(err)
					return
				}
				if _, err := io.ReadFull(c, acks); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "publishes/s")
}

// BenchmarkToClient is the way of a message of 200 bytes to a client that reads it, and acknowledges it, before the next one
// is sent.
func BenchmarkToClient(b *testing.B) {
	for qos := range byte(2) {
		b.Run(fmt.Sprintf("QoS%d", qos), func(b *testing.B) {
			d := &dialect{}
			c := enter(b, serveTCP(b, mqttserver.Options{}, d))
			m := packet.Publish{Topic: "v1/devices/me/attributes", Payload: make([]byte, 200), QoS: qos}
			buf := make([]byte, len(m.Append(nil)))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.conn.Publish(m.Topic, m.Payload, qos); err != nil {
					b.Fatal(err)
				}
				if _, err := io.ReadFull(c, buf); err != nil {
					b.Fatal(err)
				}
				if id := len(buf) - len(m.Payload); qos > 0 {
					_, _ = io.WriteString(c, "\x40\x02"+string(buf[id-2:id]))
				}
			}
		})
	}
}

// BenchmarkIdleConnection reports what a connection costs that has published once and says nothing more. Its other
// end is in the same process: "pair-B" is what two plain connections cost, and no part of "idle-B".
func BenchmarkIdleConnection(b *testing.B) {
	const conns = 2000
	address := serveTCP(b, mqttserver.Options{Limits: mqttserver.Limits{HalfOpenAddress: -1}}, acceptAll)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	for b.Loop() {
		empty := memory()
		pairs := make([]net.Conn, 0, 2*conns)
		for range conns {
			near, err := net.Dial("tcp", l.Addr().String())
			if err != nil {
				b.Fatal(err)
			}
			far, err := l.Accept()
			if err != nil {
				b.Fatal(err)
			}
			pairs = append(pairs, near, far)
		}
		pair := memory() - empty
		for _, c := range pairs {
			_ = c.Close()
		}
		before := memory()
		for i := range conns {
			c := enter(b, address)
			if _, err := io.WriteString(c, publish(1, 1, fmt.Sprint(i))); err != nil {
				b.Fatal(err)
			}
			if _, err := io.ReadFull(c, make([]byte, 4)); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(memory()-before-pair)/conns, "idle-B")
		b.ReportMetric(float64(pair)/conns, "pair-B")
	}
}

func memory() int {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int(m.HeapInuse + m.StackInuse)
}
