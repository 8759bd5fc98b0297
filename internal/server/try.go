package server

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/nodes/match"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// try runs a message through chains without effects: on an engine of its own, in one transaction that is dropped.
func (c *Core) try(ctx context.Context, r admin.TryRequest) (admin.TryResult, error) {
	result := admin.TryResult{Findings: engine.Findings{}, Hops: []admin.TryHop{}}
	var own []engine.File
	for _, f := range r.Files {
		own = append(own, engine.File{Name: f.Name, Text: []byte(f.Text)})
	}
	chain, findings := engine.Compile(Overlay(own, c.set.Load().Chains), c.catalog, engine.CompileOptions{Now: c.now})
	result.Findings = append(result.Findings, findings...)
	if chain == nil {
		return result, nil
	}
	entry := cmp.Or(r.Chain, chains.Root)
	if !chain.Has(entry) {
		return result, errors.Join(refuse("no chain %q among %s", entry, strings.Join(chain.IDs(), ", ")), chain.Close())
	}
	ctx, tx, err := c.Registry.Begin(ctx, registry.TxOptions{})
	if err != nil {
		return result, errors.Join(err, chain.Close())
	}
	defer tx.Discard() // all that is written is written into it
	m, err := c.message(ctx, r.Message, entry)
	if err != nil {
		return result, errors.Join(err, chain.Close())
	}
	result.Device, result.Type, result.Revision = supplypoint.MaskIn(m.Origin().Name), m.Type(), chain.Revision()

	// What the message emits runs too, to no effect; it is not part of the answer.
	var ended atomic.Bool
	e := engine.New(chain, engine.Options{
		Begin: func(ctx context.Context, m *engine.Message) (context.Context, engine.Tx, error) {
			return ctx, &dryRun{Tx: tx, ended: func() { ended.Store(true) }}, nil
		},
		Now: c.now, Redact: supplypoint.MaskIn, InFlight: 1, Parallel: 1,
	})
	fates := make(chan engine.Fate, 1)
	tracer := func(s engine.TraceStep) {
		if !ended.Load() {
			result.Hops = append(result.Hops, hop(s))
		}
	}
	start := time.Now()
	err = e.Submit(engine.WithTracer(ctx, tracer), m, func(f engine.Fate) { fates <- f })
	if err == nil {
		f := <-fates
		result.Took = time.Since(start).Seconds()
		result.State, result.Outcome = f.State.String(), f.Outcome
		if f.Cause != nil {
			result.Cause = supplypoint.MaskIn(f.Cause.Error())
		}
	}
	return result, errors.Join(err, e.Drain(ctx))
}

func refuse(format string, args ...any) error {
	return &admin.Problem{
		Title: http.StatusText(http.StatusBadRequest), Status: http.StatusBadRequest, Code: admin.CodeInvalid,
		Detail: fmt.Sprintf(format, args...),
	}
}

// message passes what was given through the same intake as a device's payload.
func (c *Core) message(ctx context.Context, t admin.TryMessage, entry string) (*engine.Message, error) {
	device, err := c.device(ctx, t)
	if err != nil {
		return nil, err
	}
	profile, err := c.Registry.Profile(ctx, device.Profile)
	if err != nil {
		return nil, err
	}
	typ, now := cmp.Or(t.Type, devices.TypeAttributes), c.now().UTC()
	data, err := c.payload(t, typ, devices.ShapeOf(profile), now)
	if err != nil {
		return nil, err
	}
	h := engine.Header{
		ID: uuid.Must(uuid.NewV7()).String(), Type: typ, Time: now, Chain: entry,
		Origin: engine.Origin{Type: deviceOrigin, ID: device.ID, Name: device.Name, Profile: device.Profile},
		Meta: []engine.Pair{
			{Key: devices.MetaDeviceName, Value: device.Name}, {Key: devices.MetaDeviceType, Value: device.Profile},
		},
	}
	for _, key := range slices.Sorted(maps.Keys(t.Metadata)) {
		h.Meta = append(h.Meta, engine.Pair{Key: key, Value: t.Metadata[key]})
	}
	return engine.NewMessage(h, data), nil
}

// device is the one that the message names, or a new one that exists in the transaction of ctx only.
func (c *Core) device(ctx context.Context, t admin.TryMessage) (registry.Device, error) {
	if t.Device != "" {
		known, err := c.Registry.DeviceByName(ctx, t.Device)
		if !errors.Is(err, registry.ErrNotFound) {
			return known, err
		}
	}
	profile := cmp.Or(t.Profile, FirstProfile)
	made, _, err := c.Registry.AddDevice(ctx, registry.Device{Name: t.Device, Profile: profile}, registry.Credentials{})
	if errors.Is(err, registry.ErrNotFound) {
		return made, refuse("there is no profile %q", profile)
	}
	return made, err
}

func (c *Core) payload(t admin.TryMessage, typ string, shape intake.Shape, now time.Time) (*engine.Data, error) {
	raw := []byte(t.Payload)
	if len(raw) == 0 {
		raw = []byte(t.Text)
	}
	if typ != devices.TypeTelemetry {
		data, err := c.Intake.Object(raw, shape)
		if err != nil {
			return nil, refuse("reading the payload: %v", err)
		}
		return data, nil
	}
	readings, err := c.Intake.Telemetry(raw, shape, now)
	if err != nil {
		return nil, refuse("reading the payload: %v", err)
	}
	if len(readings) != 1 {
		return nil, refuse("the payload holds %d readings: give one", len(readings))
	}
	return readings[0].Data, nil
}

// hop is a step of a trace with what a person wants to see of it.
func hop(s engine.TraceStep) admin.TryHop {
	h := admin.TryHop{
		Chain: s.Chain, Node: s.Node, Kind: s.Kind, Relation: s.Relation, Seen: []string{}, Error: s.Error,
		Took: s.Took.Seconds(),
	}
	found := func(key string) string {
		if s.After.Meta[key] == s.Before.Meta[key] {
			return ""
		}
		return s.After.Meta[key]
	}
	switch {
	case s.Kind == "match.supplier" && found(match.MetaKeyID) != "":
		h.Seen = append(h.Seen, fmt.Sprintf("key %s of %s", found(match.MetaKeyID), found(match.MetaSupplierID)))
	case s.Kind == "flow.chain" && s.Error == "":
		h.Seen = append(h.Seen, "goes on in chain "+s.Relation)
	case s.Kind == "match.grid" && found(match.MetaGridID) != "":
		h.Seen = append(h.Seen, fmt.Sprintf("%s %s, by %s", found(match.MetaGridID), found(match.MetaGridName), found(match.MetaGridBy)))
	default:
		for _, v := range s.Values {
			h.Seen = append(h.Seen, v.String())
		}
	}
	if s.After.Outcome != "" && s.After.Outcome != s.Before.Outcome {
		h.Seen = append(h.Seen, s.After.Outcome)
	}
	if verb, isAction := strings.CutPrefix(s.Kind, "action."); isAction && s.Error == "" && verb != "log" {
		h.Seen = append(h.Seen, "would "+strings.ReplaceAll(verb, "-", " ")+" (nothing was written)")
	}
	return h
}
