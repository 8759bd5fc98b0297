package registry

import (
	"context"
	"errors"
	"sync"
	"time"
)

// activity is who has authenticated, noted in memory at once and on disk lazily: a login must not wait for a disk. What
// is being written stays visible until it is on disk.
type activity struct {
	turn    sync.Mutex             // one writer at a time
	mu      sync.Mutex             // protects the maps
	noted   map[string]activityRow // device → not yet written
	writing map[string]activityRow
}

// activityRow is when a device authenticated first and last, in milliseconds since 1970.
type activityRow struct {
	Device string `json:"d"`
	First  int64  `json:"f"`
	Last   int64  `json:"l"`
}

var activities = table[activityRow]{
	name: "activity",
	key:  func(a *activityRow) tuple { return keyOf("activity").text(a.Device) },
}

func (a activityRow) and(later activityRow) activityRow {
	if a.Device == "" {
		return later
	}
	a.First, a.Last = min(a.First, later.First), max(a.Last, later.Last)
	return a
}

// used notes that a device has authenticated.
func (r *Registry) used(device string) {
	now := r.clock().UnixMilli()
	a := &r.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.noted == nil {
		a.noted = map[string]activityRow{}
	}
	a.noted[device] = a.noted[device].and(activityRow{Device: device, First: now, Last: now})
}

// activityOf is what is known of a device, the zero row if it never authenticated.
func (t *Tx) activityOf(ctx context.Context, device string) (activityRow, error) {
	// Memory comes first: what leaves it is on disk, and would be missed if the disk had been read before.
	a := &t.r.activity
	a.mu.Lock()
	known := a.writing[device].and(a.noted[device])
	a.mu.Unlock()
	row, err := activities.peek(ctx, t, keyOf(activities.name).text(device))
	if err != nil || row == nil {
		return known, err
	}
	if known.Device == "" {
		return *row, nil
	}
	return row.and(known), nil
}

// activityBatch is how many devices one batch of activity holds: a conflict repeats all of it.
const activityBatch = 256

// writeActivity writes what was noted.
func (r *Registry) writeActivity(ctx context.Context) error {
	a := &r.activity
	a.turn.Lock()
	defer a.turn.Unlock()
	a.mu.Lock()
	a.writing, a.noted = a.noted, nil
	devices := make([]activityRow, 0, len(a.writing))
	for _, row := range a.writing {
		devices = append(devices, row)
	}
	a.mu.Unlock()
	var errs []error
	for len(devices) > 0 {
		n := min(len(devices), activityBatch)
		err := r.run(ctx, func(t *Tx) error { return t.writeActivity(ctx, devices[:n]) })
		if err != nil {
			errs = append(errs, err)
			r.noteAgain(devices[:n])
		}
		devices = devices[n:]
	}
	a.mu.Lock()
	a.writing = nil
	a.mu.Unlock()
	return errors.Join(errs...)
}

func (r *Registry) noteAgain(rows []activityRow) {
	a := &r.activity
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.noted == nil {
		a.noted = map[string]activityRow{}
	}
	for _, row := range rows {
		a.noted[row.Device] = row.and(a.noted[row.Device])
	}
}

func (t *Tx) writeActivity(ctx context.Context, rows []activityRow) error {
	return t.view(ctx, func() error {
		for _, row := range rows {
			d, err := devices.get(ctx, t, deviceKey(row.Device))
			if err != nil {
				return err
			}
			if d == nil {
				continue // deleted meanwhile
			}
			old, err := activities.peek(ctx, t, activities.key(&row))
			if err != nil {
				return err
			}
			if old != nil {
				row = old.and(row)
			}
			if err := activities.put(t, old, &row); err != nil {
				return err
			}
		}
		return nil
	})
}

func timeOf(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}
