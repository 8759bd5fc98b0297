package rate_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry/rate"
)

func TestBandwidths(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		want []rate.Bandwidth
		bad  string // in the error
	}{
		{"", nil, ""},
		{"1:1", []rate.Bandwidth{{1, time.Second}}, ""},
		{"20:1,600:60", []rate.Bandwidth{{20, time.Second}, {600, time.Minute}}, ""},
		{"1000000000:2678400", []rate.Bandwidth{{1_000_000_000, 31 * 24 * time.Hour}}, ""},
		{"007:01", []rate.Bandwidth{{7, time.Second}}, ""},
		{"20", nil, "CAPACITY:SECONDS"},
		{"20:", nil, "seconds"},
		{":1", nil, "capacity"},
		{"0:1", nil, "capacity"},
		{"-1:1", nil, "capacity"},
		{"+1:1", nil, "capacity"},
		{"1:0", nil, "seconds"},
		{"1.5:1", nil, "capacity"},
		{" 1:1", nil, "capacity"},
		{"1:1,", nil, "CAPACITY:SECONDS"},
		{"1:1, 2:2", nil, "capacity"},
		{"1:1:1", nil, "seconds"},
		{"1000000001:1", nil, "capacity"},
		{"1:2678401", nil, "seconds"},
		{"99999999999999999999:1", nil, "capacity"},
		{"1:1,1:2,1:3,1:4,1:5,1:6", nil, "more than 5"},
		{strings.Repeat("x", 1000), nil, "…"},
	} {
		got, err := rate.Limit(c.text).Bandwidths()
		switch {
		case c.bad == "" && (err != nil || !slices.Equal(got, c.want)):
			t.Errorf("%q: got %v, %v, want %v", c.text, got, err, c.want)
		case c.bad != "" && (err == nil || !strings.Contains(err.Error(), c.bad) || len(err.Error()) > 200):
			t.Errorf("%q: got %v, want an error with %q", c.text, err, c.bad)
		}
	}
}

// FuzzBandwidths: whatever is written, reading it ends, and what is taken is within the bounds.
func FuzzBandwidths(f *testing.F) {
	for _, seed := range []string{"", "1:1", "20:1,600:60", "20", "1:1,", ":", "-1:1", "9223372036854775808:1", "1:1:1", "\xff:1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		all, err := rate.Limit(text).Bandwidths()
		if err != nil {
			return
		}
		if len(all) > rate.MaxBandwidths || (len(all) == 0) != (text == "") {
			t.Fatalf("%q: got %d parts", text, len(all))
		}
		for _, b := range all {
			if b.Capacity < 1 || b.Capacity > rate.MaxCapacity || b.Period < time.Second || b.Period > rate.MaxSeconds*time.Second {
				t.Fatalf("%q: got %+v", text, b)
			}
		}
	})
}
