package devices_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// line is a client that notes what it is told.
type line struct{ told []string }

func (l *line) SharedChanged(c registry.SharedChange) {
	l.told = append(l.told, fmt.Sprint("changed ", len(c.Updated), len(c.Deleted)))
}

func (l *line) Called(c devices.CallRequest) { l.told = append(l.told, fmt.Sprint("called ", c.ID)) }
func (l *line) Close(why devices.Reason)     { l.told = append(l.told, "close "+string(why)) }

func (l *line) want(t *testing.T, want ...string) {
	t.Helper()
	if fmt.Sprint(l.told) != fmt.Sprint(want) {
		t.Errorf("client was told %q, want %q", l.told, want)
	}
}

func open(t *testing.T, s *devices.Session) *line {
	t.Helper()
	l := &line{}
	if err := s.Open(t.Context(), l); err != nil {
		t.Fatalf("open: %v", err)
	}
	return l
}

func TestAuthenticateCountsHowItEnds(t *testing.T) {
	b := newBench()
	b.session(t, "m")
	broken := errors.New("broken")
	for _, err := range []error{
		registry.ErrUnauthorized, fmt.Errorf("wrapped: %w", registry.ErrBadClientID), registry.ErrNoCredentials, broken,
	} {
		b.directory.err = err
		if _, got := b.Authenticate(t.Context(), registry.Login{UserName: secret.NewText("m")}); !errors.Is(got, err) {
			t.Errorf("error: got %v, want %v", got, err)
		}
	}
	b.wantCounts(t, map[string]int{
		"login accepted": 1, "login refused": 1, "login identifier": 1, "login empty": 1, "login unavailable": 1,
	})
}

func TestOneSessionForADevice(t *testing.T) {
	b := newBench()
	first, second, other := b.session(t, "m"), b.session(t, "m"), b.session(t, "n")
	l1 := open(t, first)
	l2 := open(t, second)
	l3 := open(t, other)
	l1.want(t, "close taken-over")
	first.Close() // what its connection does then must not end the other
	second.Subscribe(true)
	b.directory.changed(registry.SharedChange{Device: "m", Deleted: []string{"a"}})
	l1.want(t, "close taken-over")
	l2.want(t, "changed 0 1")
	l3.want(t)
	if got := b.Connected(); got != 2 {
		t.Errorf("connected: got %d, want 2", got)
	}
	second.Close()
	other.Close()
	other.Close()
	if got := b.Connected(); got != 0 {
		t.Errorf("connected: got %d, want 0", got)
	}
}

func TestOnlySubscribersAreTold(t *testing.T) {
	b := newBench()
	s := b.session(t, "m")
	l := open(t, s)
	change := registry.SharedChange{Device: "m", Updated: make([]registry.Attribute, 2)}
	b.directory.changed(change)
	s.Subscribe(true)
	b.directory.changed(change)
	s.Subscribe(false)
	b.directory.changed(change)
	b.directory.changed(registry.SharedChange{Device: "nobody"})
	l.want(t, "changed 2 0")
}

func TestDeviceGone(t *testing.T) {
	b := newBench()
	s := b.session(t, "m")
	late := b.session(t, "m")
	l := open(t, s)
	delete(b.directory.devices, "m")
	b.directory.gone("m")
	b.directory.gone("m")
	l.want(t, "close revoked")
	// Authenticated before, opened after: the hook has come and gone.
	if err := late.Open(t.Context(), &line{}); !errors.Is(err, devices.ErrGone) {
		t.Errorf("open: got %v, want %v", err, devices.ErrGone)
	}
	if got := b.Connected(); got != 0 {
		t.Errorf("connected: got %d, want 0", got)
	}
	b.wantCounts(t, map[string]int{"login accepted": 2, "ended revoked": 1})
}

func TestOpenNeedsTheRegistry(t *testing.T) {
	b := newBench()
	s := b.session(t, "m")
	b.directory.err = errors.New("broken")
	if err := s.Open(t.Context(), &line{}); !errors.Is(err, b.directory.err) {
		t.Errorf("open: got %v, want %v", err, b.directory.err)
	}
	if got := b.Connected(); got != 0 {
		t.Errorf("connected: got %d, want 0", got)
	}
}

func TestAttributesSelection(t *testing.T) {
	many := make([]string, 1001)
	for i := range many {
		many[i] = fmt.Sprint(i)
	}
	type asked = map[registry.AttributeScope][]string
	for _, c := range []struct {
		name           string
		client, shared []string
		want           asked
		err            error
	}{
		{"nothing named", nil, nil, asked{registry.ClientScope: {}, registry.SharedScope: {}}, nil},
		{"client only", []string{"a"}, nil, asked{registry.ClientScope: {"a"}}, nil},
		{"shared only", nil, []string{"a", "b"}, asked{registry.SharedScope: {"a", "b"}}, nil},
		{"named twice", []string{"b", "a", "b"}, nil, asked{registry.ClientScope: {"b", "a"}}, nil},
		{"both", []string{"a"}, []string{"a"}, asked{registry.ClientScope: {"a"}, registry.SharedScope: {"a"}}, nil},
		{"an empty name", []string{""}, nil, asked{registry.ClientScope: {""}}, nil},
		{"too many", many, nil, asked{}, devices.ErrTooManyKeys},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench()
			_, _, err := b.session(t, "m").Attributes(t.Context(), c.client, c.shared)
			if !errors.Is(err, c.err) {
				t.Errorf("error: got %v, want %v", err, c.err)
			}
			if !reflect.DeepEqual(b.directory.asked, c.want) {
				t.Errorf("asked for: got %v, want %v", b.directory.asked, c.want)
			}
		})
	}
}
