package thingsboard_test

import (
	"context"
	"encoding/json"
	"regexp"
	"testing"
	"time"

	paho "github.com/eclipse/paho.mqtt.golang"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// foreign is a client that others wrote. It collects what it is sent.
type foreign struct {
	paho.Client
	t    *testing.T
	got  chan string
	lost chan struct{} // closed when the server ends the connection
}

func (h *house) foreign(change func(*paho.ClientOptions)) *foreign {
	h.t.Helper()
	f := &foreign{t: h.t, got: make(chan string, 100), lost: make(chan struct{})}
	o := paho.NewClientOptions().AddBroker("tcp://" + h.address).SetClientID("some client").SetAutoReconnect(false).
		SetConnectionLostHandler(func(paho.Client, error) { close(f.lost) }).
		SetDefaultPublishHandler(func(_ paho.Client, m paho.Message) { f.got <- m.Topic() + " " + string(m.Payload()) })
	change(o)
	f.Client = paho.NewClient(o)
	f.finish(f.Connect())
	h.t.Cleanup(func() { f.Disconnect(0) })
	return f
}

func (f *foreign) finish(token paho.Token) {
	f.t.Helper()
	if !token.WaitTimeout(never) || token.Error() != nil {
		f.t.Fatalf("paho: %v", token.Error())
	}
}

func (f *foreign) next() string {
	f.t.Helper()
	select {
	case m := <-f.got:
		return m
	case <-time.After(never):
		f.t.Fatal("no message came")
		return ""
	}
}

// TestMeterIsAttached goes the whole way with a client that others wrote: provision, as ThingsBoard's own script does,
// connect with what was given, send key and CUPS as a shell sends them, and be told.
func TestMeterIsAttached(t *testing.T) {
	t.Parallel()
	h := build(t)
	ctx := context.Background()
	supplier, err := h.registry.AddSupplier(ctx, registry.Supplier{Name: "Luz del Norte"})
	must(t, err)
	_, _, err = h.registry.AddKey(ctx, registry.SupplierKey{Supplier: supplier.ID}, secret.NewText("000712"))
	must(t, err)
	point := supplypoint.Synthetic("0021", 1)
	grid, err := h.registry.AddGrid(ctx, registry.Grid{Name: "Feeder 7", Kind: registry.GridFeeder})
	must(t, err)
	must(t, h.registry.AddMembership(ctx, registry.Membership{Point: point, Grid: grid.ID}))

	newcomer := h.foreign(func(o *paho.ClientOptions) { o.SetUsername("provision") })
	asked := newcomer.Subscribe("/provision/response", 0, nil) // not waited for
	newcomer.finish(newcomer.Publish("/provision/request", 0, false,
		`{"deviceName": "meter-1", "provisionDeviceKey": "K", "provisionDeviceSecret": "S"}`))
	newcomer.finish(asked)
	answer := regexp.MustCompile(`^/provision/response \{"credentialsValue":"(.{20})",`).FindStringSubmatch(newcomer.next())
	if answer == nil {
		t.Fatal("there is no token in the answer")
	}

	meter := h.foreign(func(o *paho.ClientOptions) { o.SetUsername(answer[1]).SetCleanSession(false) })
	meter.finish(meter.Subscribe(attributes, 1, nil))
	meter.finish(meter.Publish(attributes, 1, false, `{Power_supplier_secret_key: 000712, CUPS: `+point.ID()+`}`))
	var told struct {
		Attachment struct{ Outcome, Supplier, Grid string }
	}
	must(t, json.Unmarshal([]byte(meter.next()[len(attributes):]), &told))
	if a := told.Attachment; a.Outcome != "ATTACHED" || a.Supplier != "Luz del Norte" || a.Grid != "Feeder 7" {
		t.Errorf("attachment: got %+v, want ATTACHED to Luz del Norte and Feeder 7", a)
	}
	d, _ := h.named("meter-1")
	same(t, "client attributes", h.attributes(d, registry.ClientScope), `{"CUPS":"`+point.ID()+`"}`)
	meter.finish(meter.Publish(attributes, 0, false, `{Power_supplier_secret_key: 000712`)) // unterminated
	select {
	case <-meter.lost:
	case <-time.After(never):
		t.Error("the connection is still open")
	}
	h.log.wantNone(t, "000712", answer[1], point.ID())
	for _, m := range h.seen.want(t, 4) {
		if regexp.MustCompile(`\b0*712\b`).MatchString(m.Data().Text()) {
			t.Errorf("%s holds the supplier key: %s", m.Type(), m.Data().Text())
		}
	}
}
