package registry

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/gridtie/gridtie/registry/store"
)

// activity is who has authenticated, noted in memory at once and on disk lazily: a login must not wait for a disk. What
// is being written stays visible until it is on disk.
type activity struct {
	turn    sync.Mutex             // one writer at a time
	mu      sync.Mutex             // protects the maps
	noted   map[string]activityRow // device → not yet written
	writing map[string]activityRow
}

// activityRow is when a device authenticated first and last, and what [Activity] tells, in milliseconds since 1970.
type activityRow struct {
	Device       string `json:"d"`
	First        int64  `json:"f"`
	Last         int64  `json:"l"`
	Connected    int64  `json:"c,omitempty"`
	Disconnected int64  `json:"e,omitempty"`
	Active       int64  `json:"a,omitempty"`
	Inactive     int64  `json:"i,omitempty"`
}

// Activity is when a device last came and went; zero times for never. Of a crash it survives but for the last few seconds.
type Activity struct {
	Device       string
	Connected    time.Time
	Disconnected time.Time
	Active       time.Time // when it was known to be active last: written when that begins and ends
	Inactive     time.Time // when it was found to be inactive
}

// IsActive tells whether the device is active, as far as is noted.
func (a Activity) IsActive() bool { return a.Active.After(a.Inactive) }

var activities = table[activityRow]{
	name: "activity",
	key:  func(a *activityRow) tuple { return keyOf("activity").text(a.Device) },
}

func (a activityRow) and(later activityRow) activityRow {
	if a.Device == "" {
		return later
	}
	if later.First != 0 && (a.First == 0 || later.First < a.First) {
		a.First = later.First
	}
	a.Last = max(a.Last, later.Last)
	a.Connected, a.Disconnected = max(a.Connected, later.Connected), max(a.Disconnected, later.Disconnected)
	a.Active, a.Inactive = max(a.Active, later.Active), max(a.Inactive, later.Inactive)
	return a
}

// used notes that a device has authenticated.
func (r *Registry) used(device string) {
	now := r.clock().UnixMilli()
	r.activity.note(activityRow{Device: device, First: now, Last: now})
}

func (a *activity) note(row activityRow) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.noted == nil {
		a.noted = map[string]activityRow{}
	}
	a.noted[row.Device] = a.noted[row.Device].and(row)
}

// NoteActivity notes that a device came or went; what is zero stays as it was. It is written lazily.
func (r *Registry) NoteActivity(a Activity) {
	r.activity.note(activityRow{
		Device: a.Device, Connected: millisOf(a.Connected), Disconnected: millisOf(a.Disconnected),
		Active: millisOf(a.Active), Inactive: millisOf(a.Inactive),
	})
}

// Activity returns when a device last came and went.
func (r *Registry) Activity(ctx context.Context, device string) (Activity, error) {
	var row activityRow
	err := r.read(ctx, func(t *Tx) (err error) {
		row, err = t.activityOf(ctx, device)
		return err
	})
	return Activity{
		Device: device, Connected: timeOf(row.Connected), Disconnected: timeOf(row.Disconnected),
		Active: timeOf(row.Active), Inactive: timeOf(row.Inactive),
	}, err
}

// activityPage is how many rows [Registry.ActiveDevices] reads in one view.
const activityPage = 2048

// ActiveDevices calls each with every device that was active when it was last written, until each says that it is enough.
// It is not in a hurry: with a million devices it reads a million rows, which nobody waits for, while others start their
// work. So it reads a page, and then rests nine times as long as that took.
func (r *Registry) ActiveDevices(ctx context.Context, each func(Device) (more bool)) error {
	from, to := store.Prefix(keyOf(activities.name))
	for {
		begin := r.now()
		next, err := r.activePage(ctx, from, to, activityPage, each)
		if err != nil || next == nil {
			return err
		}
		from = next
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(9 * r.now().Sub(begin)):
		}
	}
}

// activePage does so for the first most rows of a range; next is where those behind them begin, nil if it is enough. A view
// for each page lets the store forget meanwhile what has been overwritten.
func (r *Registry) activePage(ctx context.Context, from, to []byte, most int, each func(Device) bool) (next []byte, err error) {
	err = r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			rows := 0
			return t.scan(ctx, from, to, false, func(key, value []byte) (bool, error) {
				if rows++; rows > most {
					next = bytes.Clone(key)
					return false, nil
				}
				if active(value) <= inactive(value) {
					return true, nil
				}
				var row activityRow
				if err := decode(activities.name, value, &row); err != nil {
					return false, err
				}
				d, err := devices.peek(ctx, t, deviceKey(row.Device))
				if err != nil || d == nil {
					return err == nil, err
				}
				return each(*d), nil
			})
		})
	})
	return next, err
}

func active(row []byte) int64   { return number(row, `,"a":`) }
func inactive(row []byte) int64 { return number(row, `,"i":`) }

// number reads one number of an encoded activityRow, 0 if it is not there: decoding all of it takes six times as long as
// reading it from the disk. No text can hold what it looks for, since quotes in texts are escaped.
func number(row []byte, name string) (n int64) {
	at := bytes.Index(row, []byte(name))
	if at < 0 {
		return 0
	}
	for _, digit := range row[at+len(name):] {
		if digit < '0' || digit > '9' {
			break
		}
		n = 10*n + int64(digit-'0')
	}
	return n
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

func millisOf(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

func timeOf(millis int64) time.Time {
	if millis == 0 {
		return time.Time{}
	}
	return time.UnixMilli(millis).UTC()
}
