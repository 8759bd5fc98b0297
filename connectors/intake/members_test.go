package intake_test

import (
	"errors"
	"testing"
	"time"

	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine/secret"
)

func TestMembers(t *testing.T) {
	t.Parallel()
	in := intake.New(intake.Options{Digest: secret.NewKey().Digest})
	for payload, want := range map[string]int{
		`{}`:                          0,
		`{"a":null}`:                  0, // does not go on
		`{"a":1}`:                     1,
		`{a=1;b:'x:y',"c\":\\":true}`: 3,
		`{"a":{"b":1,"c":{"d":2}},"e":[{"f":1},2]}`: 2,
		`{"k\\":"\"}:{","":0}`:                      2,
	} {
		d, err := in.Object([]byte(payload), intake.Shape{})
		if err != nil {
			t.Errorf("%s: %v", payload, err)
			continue
		}
		if got := intake.Members(d); got != want {
			t.Errorf("%s: got %d, want %d", payload, got, want)
		}
	}
}

// TestLimitsOfAShape: a source can have lower limits than everybody, and no higher ones.
func TestLimitsOfAShape(t *testing.T) {
	t.Parallel()
	in := intake.New(intake.Options{Digest: secret.NewKey().Digest, Limits: intake.Limits{Size: 40, Depth: 3, Values: 5}})
	for _, c := range []struct {
		name    string
		limits  intake.Limits
		payload string
		want    intake.Reason // empty: it is taken
	}{
		{"its own bytes", intake.Limits{Size: 10}, `{"a":1234}`, ""},
		{"one byte more", intake.Limits{Size: 10}, `{"a":12345}`, intake.TooLarge},
		{"its own depth", intake.Limits{Depth: 2}, `{"a":[1]}`, ""},
		{"one level more", intake.Limits{Depth: 2}, `{"a":[[1]]}`, intake.TooDeep},
		{"its own values", intake.Limits{Values: 3}, `{"a":1,"b":2}`, ""},
		{"one value more", intake.Limits{Values: 3}, `{"a":1,"b":2,"c":3}`, intake.TooManyValues},
		{"higher bytes", intake.Limits{Size: 1000}, `{"a":"0123456789012345678901234567890123456789"}`, intake.TooLarge},
		{"a higher depth", intake.Limits{Depth: 10}, `{"a":[[[1]]]}`, intake.TooDeep},
		{"more values", intake.Limits{Values: 10}, `{"a":[1,1,1,1,1]}`, intake.TooManyValues},
	} {
		for form, read := range map[string]func() error{
			"object": func() error {
				_, err := in.Object([]byte(c.payload), intake.Shape{Limits: c.limits})
				return err
			},
			"telemetry": func() error {
				_, err := in.Telemetry([]byte(c.payload), intake.Shape{Limits: c.limits}, time.Time{})
				return err
			},
		} {
			err := read()
			var bad *intake.BadPayload
			switch {
			case c.want == "" && err != nil:
				t.Errorf("%s, %s: %v", c.name, form, err)
			case c.want != "" && (!errors.As(err, &bad) || bad.Reason != c.want):
				t.Errorf("%s, %s: got %v, want %s", c.name, form, err, c.want)
			}
		}
	}
}
