package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/devices/coapserver/message"
)

// behaved are devices that do what they should, one for each way of doing it. Each sends a message, waits for its
// acknowledgement, and sends the next one.
type behaved struct {
	cancel context.CancelFunc
	wait   sync.WaitGroup

	mu   sync.Mutex
	took map[string][]time.Duration // by device
}

const harmless = `{"volts":230}`

// behave starts them. A message that is not acknowledged is an error of the test.
func behave(t testing.TB, v *victim) *behaved {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	b := &behaved{cancel: cancel, took: map[string][]time.Duration{}}
	mqtt, err := dialMQTT(nil, v.Addresses()["mqtt"])
	must(t, err)
	must(t, mqtt.login(device("mqtt"), 0))
	coap, err := net.Dial("udp", v.Addresses()["coap"])
	must(t, err)
	web := &http.Client{Transport: &http.Transport{}, Timeout: limit}
	for kind, do := range map[string]struct {
		post  func(n uint16) error
		close func()
	}{
		"mqtt":     {mqtt.post, mqtt.close},
		"newcomer": {func(uint16) error { return comeAndGo(v) }, func() {}},
		"http":     {func(uint16) error { return postHTTP(web, v) }, web.CloseIdleConnections},
		"coap":     {func(n uint16) error { return postCoAP(coap, n) }, func() { _ = coap.Close() }},
	} {
		b.wait.Go(func() {
			defer do.close()
			b.work(ctx, t, kind, do.post)
		})
	}
	return b
}

func (b *behaved) work(ctx context.Context, t testing.TB, kind string, post func(n uint16) error) {
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for n := uint16(1); ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		began := time.Now()
		if err := post(max(n, 1)); err != nil {
			t.Errorf("%s: message %d was not acknowledged: %v", kind, n, err)
			return
		}
		b.mu.Lock()
		b.took[kind] = append(b.took[kind], time.Since(began))
		b.mu.Unlock()
	}
}

// stop returns how long acknowledgements took.
func (b *behaved) stop() map[string][]time.Duration {
	b.cancel()
	b.wait.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.took
}

// comeAndGo connects, posts and leaves.
func comeAndGo(v *victim) error {
	c, err := dialMQTT(nil, v.Addresses()["mqtt"])
	if err != nil {
		return err
	}
	defer c.close()
	return errors.Join(c.login(device("newcomer"), 0), c.post(1))
}

func postHTTP(c *http.Client, v *victim) error {
	res, err := c.Post("http://"+v.Addresses()["http"]+"/api/v1/"+tokenOf("http")+"/telemetry", "application/json", strings.NewReader(harmless))
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("got %d %s", res.StatusCode, text)
	}
	return err
}

func postCoAP(c net.Conn, n uint16) error {
	a, err := exchange(c, coapRequest(n, message.POST, "api/v1/"+tokenOf("coap")+"/telemetry", harmless))
	if err == nil && a.Code != message.Created {
		err = fmt.Errorf("got %v", a.Code)
	}
	return err
}
