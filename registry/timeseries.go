package registry

import (
	"encoding/json"
	"time"
)

// Reading is the latest value of a time series. No history is kept.
type Reading struct {
	Key   string          `json:"key"`
	Time  time.Time       `json:"time"`
	Value json.RawMessage `json:"value"`
}
