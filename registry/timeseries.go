package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Reading is the latest value of a time series. No history is kept.
type Reading struct {
	Key   string          `json:"key"`
	Time  time.Time       `json:"time"`
	Value json.RawMessage `json:"value"`
}

// SaveTimeseries keeps values that a device measured at ts, in milliseconds. A value older than the one that is known
// changes nothing. Only names and values of as count.
func (r *Registry) SaveTimeseries(ctx context.Context, device string, ts time.Time, as []Attribute) error {
	err := r.run(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			if _, err := t.device(ctx, device); err != nil {
				return err
			}
			for _, a := range as {
				if err := checkKey(a.Key); err != nil {
					return err
				}
				key := keyOf("latest").text(device).text(a.Key)
				row, err := readRow[valueRow](ctx, t, "latest", key, true)
				if err != nil {
					return err
				}
				if row != nil && row.Updated > ts.UnixMilli() {
					continue
				}
				if err := t.putValue(key, a.Value, ts); err != nil {
					return fmt.Errorf("time series %q: %w", a.Key, err)
				}
			}
			return nil
		})
	})
	if err != nil {
		return fmt.Errorf("saving time series: %w", err)
	}
	return nil
}

// LatestTimeseries returns the latest readings of a device: of the series named, or of all by name if none is named.
func (r *Registry) LatestTimeseries(ctx context.Context, device string, keys ...string) ([]Reading, error) {
	var found []Reading
	err := r.read(ctx, func(t *Tx) error {
		return t.values(ctx, keyOf("latest").text(device), keys, func(key string, row *valueRow) {
			found = append(found, Reading{Key: key, Time: time.UnixMilli(row.Updated).UTC(), Value: row.Value})
		})
	})
	return found, err
}
