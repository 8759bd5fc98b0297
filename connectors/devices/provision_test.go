package devices_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

func request(name string) devices.ProvisionRequest {
	return devices.ProvisionRequest{
		Key: secret.NewText("K"), Secret: secret.NewText("S"), Name: name,
		Credentials: registry.Credentials{Type: registry.AccessToken, Token: secret.NewText("mine")},
	}
}

func TestProvisionBeforeAnyChain(t *testing.T) {
	wrong := request("m")
	wrong.Secret = secret.NewText("x")
	for _, c := range []struct {
		name    string
		request devices.ProvisionRequest
		err     error
		want    devices.Status
	}{
		{"wrong secret", wrong, nil, devices.StatusNotFound},
		{"registry broken", request("m"), errors.New("broken"), devices.StatusUnavailable},
		{"blank name", request("  "), nil, devices.StatusFailure},
		{"markup in the name", request("<b>"), nil, devices.StatusFailure},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			b.directory.err = c.err
			var told []devices.Status
			b.Provision(t.Context(), c.request, func(r devices.ProvisionReply) { told = append(told, r.Status) })
			if len(told) != 1 || told[0] != c.want {
				t.Errorf("told %v, want %v", told, c.want)
			}
			if len(b.submitter.messages) != 0 {
				t.Error("a message was made of it")
			}
			b.wantCounts(t, map[string]int{"provision " + string(c.want): 1})
		})
	}
}

func TestProvisionMessage(t *testing.T) {
	b := newBench()
	b.Provision(t.Context(), request(` a"b `), func(devices.ProvisionReply) {})
	b.directory.profile.ProvisionChain = "own"
	r := request("g")
	r.Gateway, r.Credentials = true, registry.Credentials{Type: registry.MQTTBasic, UserName: secret.NewText("u")}
	b.Provision(t.Context(), r, func(devices.ProvisionReply) {})
	for i, want := range []string{
		`PROVISION_REQUEST provision {PROVISION meters/a"b a"b meters} {"deviceName":"a\"b","credentialsType":"ACCESS_TOKEN","gateway":false} [{deviceName a"b} {deviceType meters}]`,
		`PROVISION_REQUEST own {PROVISION meters/g g meters} {"deviceName":"g","credentialsType":"MQTT_BASIC","gateway":true} [{deviceName g} {deviceType meters}]`,
	} {
		m := b.submitter.messages[i]
		if got := fmt.Sprint(m.Type(), " ", m.Chain(), " ", m.Origin(), " ", m.Data().Text(), " ", m.AllMeta()); got != want {
			t.Errorf("message:\ngot  %s\nwant %s", got, want)
		}
	}
}

// verb grants every name but "taken".
type verb struct{ calls atomic.Int32 }

func (v *verb) Provision(_ context.Context, r registry.ProvisionRequest) (registry.Provisioned, error) {
	n := v.calls.Add(1)
	if r.Name == "taken" {
		return registry.Provisioned{}, &registry.Refusal{Reason: registry.RefusedNameTaken}
	}
	c := r.Credentials
	c.Token = secret.NewText(fmt.Sprint(c.Token.Reveal(), " ", n))
	return registry.Provisioned{Credentials: c}, nil
}

func (v *verb) ProvisionBehind(ctx context.Context, r registry.BehindRequest) (registry.Provisioned, error) {
	return v.Provision(ctx, registry.ProvisionRequest{Name: r.Name})
}

// tx lets the first attempts conflict.
type tx struct{ conflict bool }

func (tx) Mark() int                   { return 0 }
func (tx) Rollback(int)                {}
func (tx) Flush(context.Context) error { return nil }
func (tx) Discard()                    {}

func (x tx) Commit(context.Context, engine.Fate) (func(context.Context) error, error) {
	if x.conflict {
		return nil, engine.ErrConflict
	}
	return func(context.Context) error { return nil }, nil
}

// chain wires nodes in a row; each is a name of a kind in kinds.
func chain(nodes ...string) engine.File {
	var list, edges string
	for i, n := range nodes {
		if i > 0 {
			list += ","
			edges += fmt.Sprintf(`%s{"from":"n%d","to":"n%d","type":"Success"},{"from":"n%d","to":"n%d","type":"Failure"}`,
				map[bool]string{true: ","}[i > 1], i-1, i, i-1, i)
		}
		list += fmt.Sprintf(`{"id":"n%d","type":"test.%s","name":"%s"}`, i, n, n)
	}
	return engine.File{Name: "provision.json", Text: fmt.Appendf(nil,
		`{"ruleChain":{"id":"provision","name":"Provision"},"metadata":{"firstNode":"n0","nodes":[%s],"connections":[%s]}}`,
		list, edges)}
}

// kinds are what nodes do with a provisioner.
func kinds(p *devices.Provisioner) []engine.Kind {
	grant := func(ctx context.Context, m *engine.Message) error {
		_, err := p.Provision(ctx, m.Origin().Name)
		return err
	}
	does := map[string]func(context.Context, *engine.Message) error{
		"nothing": func(context.Context, *engine.Message) error { return nil },
		"grant":   grant,
		"refuse":  func(ctx context.Context, _ *engine.Message) error { return p.Refuse(ctx, "no") },
		"grant-and-fail": func(ctx context.Context, m *engine.Message) error {
			return errors.Join(grant(ctx, m), errors.New("afterwards"))
		},
		"grant-first-attempt": func(ctx context.Context, m *engine.Message) error {
			if engine.Attempt(ctx) > 1 {
				return nil
			}
			return grant(ctx, m)
		},
		"grant-other-name": func(ctx context.Context, _ *engine.Message) error {
			_, err := p.Provision(ctx, "other")
			return err
		},
	}
	var all []engine.Kind
	for name, do := range does {
		all = append(all, engine.Kind{
			Name: "test." + name, Summary: name, Relations: []string{engine.RelationSuccess},
			New: func(any, engine.Env) (engine.Node, error) {
				return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
					return engine.Success(m), do(ctx, m)
				}), nil
			},
		})
	}
	return all
}

// TestDecisions shows what a device is told, whatever a chain does.
func TestDecisions(t *testing.T) {
	for _, c := range []struct {
		name      string
		device    string
		nodes     []string
		conflicts int
		want      devices.Status
		token     string
	}{
		{name: "granted", nodes: []string{"grant"}, want: devices.StatusSuccess, token: "mine 1"},
		{name: "granted among others", nodes: []string{"nothing", "grant", "nothing"}, want: devices.StatusSuccess, token: "mine 1"},
		{name: "refused by the registry", device: "taken", nodes: []string{"grant", "nothing"}, want: devices.StatusFailure},
		{name: "refused by the chain", nodes: []string{"refuse"}, want: devices.StatusFailure},
		{name: "no decision", nodes: []string{"nothing"}, want: devices.StatusFailure},
		{name: "refused, then granted", nodes: []string{"refuse", "grant", "nothing"}, want: devices.StatusFailure},
		{name: "granted, then refused", nodes: []string{"grant", "refuse", "nothing"}, want: devices.StatusSuccess, token: "mine 1"},
		{name: "granted, then dead-lettered", nodes: []string{"grant", "refuse"}, want: devices.StatusFailure},
		{name: "another name", nodes: []string{"grant-other-name", "nothing"}, want: devices.StatusFailure},
		{name: "rolled back", nodes: []string{"grant-and-fail", "nothing"}, want: devices.StatusFailure},
		{name: "repeated", nodes: []string{"grant"}, conflicts: 2, want: devices.StatusSuccess, token: "mine 3"},
		{
			name: "repeated without", nodes: []string{"grant-first-attempt"}, conflicts: 1,
			want: devices.StatusFailure,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := decide(t, c.device, c.conflicts, c.nodes...)
			if got.Status != c.want || got.Credentials.Token.Reveal() != c.token {
				t.Errorf("told %s with %q, want %s with %q", got.Status, got.Credentials.Token.Reveal(), c.want, c.token)
			}
		})
	}
}

// decide sends a request through a chain of these nodes.
func decide(t *testing.T, device string, conflicts int, nodes ...string) devices.ProvisionReply {
	t.Helper()
	language, err := expression.New()
	if err != nil {
		t.Fatal(err)
	}
	catalog, err := engine.NewCatalog(language, kinds(devices.NewProvisioner(&verb{}))...)
	if err != nil {
		t.Fatal(err)
	}
	compiled, findings := engine.Compile([]engine.File{chain(nodes...)}, catalog, engine.CompileOptions{})
	if findings.HasErrors() {
		t.Fatalf("compiling: %v", findings)
	}
	e := engine.New(compiled, engine.Options{
		Begin: func(ctx context.Context, _ *engine.Message) (context.Context, engine.Tx, error) {
			return ctx, tx{conflict: engine.Attempt(ctx) <= conflicts}, nil
		},
	})
	b := newBench()
	service := devices.New(devices.Options{Registry: b.directory, Engine: e})
	told := make(chan devices.ProvisionReply, 2)
	if device == "" {
		device = "m"
	}
	service.Provision(t.Context(), request(device), func(r devices.ProvisionReply) { told <- r })
	if err := e.Drain(context.Background()); err != nil {
		t.Fatal(err)
	}
	close(told)
	if len(told) != 1 {
		t.Fatalf("told %d times, want once", len(told))
	}
	return <-told
}

func TestProvisionerNeedsARequest(t *testing.T) {
	p := devices.NewProvisioner(&verb{})
	if _, err := p.Provision(t.Context(), "m"); !errors.Is(err, devices.ErrNoRequest) {
		t.Errorf("provision: got %v, want %v", err, devices.ErrNoRequest)
	}
	if err := p.Refuse(t.Context(), ""); !errors.Is(err, devices.ErrNoRequest) {
		t.Errorf("refuse: got %v, want %v", err, devices.ErrNoRequest)
	}
}

func TestAbandonedRequestIsUnavailable(t *testing.T) {
	b := newBench()
	var told []devices.Status
	done := func(r devices.ProvisionReply) { told = append(told, r.Status) }
	b.Provision(t.Context(), request("m"), done)
	b.submitter.done[0](engine.Fate{State: engine.Abandoned})
	b.submitter.refuseAt = 2
	b.Provision(t.Context(), request("m"), done)
	if fmt.Sprint(told) != "[UNAVAILABLE UNAVAILABLE]" {
		t.Errorf("told %v, want UNAVAILABLE twice", told)
	}
}
