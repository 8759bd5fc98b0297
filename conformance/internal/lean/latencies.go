package lean

import (
	"encoding/json"
	"slices"
	"time"
)

// Latencies are durations that were measured. Sort them before asking for a quantile.
type Latencies []time.Duration

// Sort sorts them.
func (l Latencies) Sort() { slices.Sort(l) }

// Quantile is the duration that the share q of all, from 0 to 1, does not exceed; 0 if there are none.
func (l Latencies) Quantile(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[min(int(q*float64(len(l))), len(l)-1)]
}

// Summary is what is told of latencies. In JSON it is in seconds.
type Summary struct{ P50, P99, Max time.Duration }

// Summary sorts and sums up.
func (l Latencies) Summary() Summary {
	l.Sort()
	return Summary{l.Quantile(0.5), l.Quantile(0.99), l.Quantile(1)}
}

// MarshalJSON writes seconds.
func (s Summary) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
		Max float64 `json:"max"`
	}{s.P50.Seconds(), s.P99.Seconds(), s.Max.Seconds()})
}
