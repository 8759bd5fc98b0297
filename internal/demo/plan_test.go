package demo

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

func TestPlanFollowsFromSeed(t *testing.T) {
	t.Parallel()
	one, same, other := newPlan(500, 3), newPlan(500, 3), newPlan(500, 4)
	if !reflect.DeepEqual(one, same) {
		t.Error("the same seed made another plan")
	}
	if reflect.DeepEqual(one, other) {
		t.Error("another seed made the same plan")
	}
}

func TestPlanIsFaultyAsPromised(t *testing.T) {
	t.Parallel()
	for _, meters := range []int{1, 9, 100, 1000} {
		p := newPlan(meters, 1)
		faulty, points := 0, map[supplypoint.Point]string{}
		for _, m := range p.meters {
			if m.fault != healthy {
				faulty++
			}
			if !m.holds() {
				continue
			}
			if other, taken := points[m.point]; taken {
				t.Errorf("%d meters: %s and %s are to have one supply point", meters, m.name, other)
			}
			points[m.point] = m.name
		}
		if want := (meters*faultyPercent + 50) / 100; faulty != want {
			t.Errorf("%d meters: got %d faulty, want %d", meters, faulty, want)
		}
	}
}

func TestFaultyCUPSIsNoCUPS(t *testing.T) {
	t.Parallel()
	for n := range uint64(600) {
		id := supplypoint.Synthetic("0021", n).ID()
		_, err := supplypoint.Parse(withOtherLetter(id))
		var fault *supplypoint.Error
		if !errors.As(err, &fault) || fault.Reason != supplypoint.ReasonCheckLetters {
			t.Fatalf("number %d: got %v, want its check letters refused", n, err)
		}
	}
}

// TestVerifyFindsDifferences damages what a fleet has made, and expects each damage to be seen.
func TestVerifyFindsDifferences(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	srv, err := server.Open(ctx, server.Options{Data: t.TempDir(), MQTT: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	serving, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(serving) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	p := newPlan(40, 1)
	first := &Report{}
	if err := (Options{Meters: 40, Connections: 8}).live(ctx, srv, p, first); err != nil {
		t.Fatal(err)
	}
	if !first.AsPlanned {
		t.Fatalf("differences: got %v, want none", first.Differences)
	}
	r := srv.Registry()
	var sound []*meter
	for _, m := range p.meters {
		if m.fault == healthy {
			sound = append(sound, m)
		}
	}
	gone, err := r.DeviceByName(ctx, sound[0].name)
	must(t, err)
	must(t, r.DeleteDevice(ctx, gone.ID))
	detached, err := r.DeviceByName(ctx, sound[1].name)
	must(t, err)
	_, err = r.Detach(ctx, detached.ID)
	must(t, err)
	_, _, err = r.AddDevice(ctx, registry.Device{Name: "stranger", Profile: server.FirstProfile}, registry.Credentials{})
	must(t, err)
	sound[2].problem = errors.New("it rained")

	again := &Report{}
	must(t, verify(ctx, r, p, again))
	var got []string
	for _, d := range again.Differences {
		got = append(got, d.Meter+": "+d.Got)
	}
	for _, want := range []string{
		sound[0].name + ": none", sound[1].name + ": detached", sound[2].name + ": it rained", "stranger: one",
	} {
		if !strings.Contains(strings.Join(got, "\n"), want) {
			t.Errorf("differences: got %q, want %q among them", got, want)
		}
	}
	if again.AsPlanned || again.Lost != 1 || again.Doubled != 1 {
		t.Errorf("got as planned %v, %d lost, %d doubled, want false, 1, 1", again.AsPlanned, again.Lost, again.Doubled)
	}
	text, err := json.Marshal(again)
	must(t, err)
	if strings.Contains(string(text), sound[0].point.ID()) {
		t.Error("the report holds a supply point in clear")
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
