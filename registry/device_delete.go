package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/registry/store"
)

// DeleteDevice deletes a device with everything that hangs on it: credentials, attachments and their history,
// attributes, time series. Its outcomes and dead letters stay until their time is over. ErrNotFound if there is none.
//
// The first batch ends the device: it cannot log in any more and its name, credentials and supply point are free. Rows
// of which there may be many go after it; should the process end meanwhile, housekeeping takes it up again.
func (r *Registry) DeleteDevice(ctx context.Context, id string) error {
	if err := r.run(ctx, func(t *Tx) error { return t.endDevice(ctx, id) }); err != nil {
		return fmt.Errorf("deleting device %q: %w", id, err)
	}
	if r.find(ctx) != nil {
		return nil
	}
	return r.sweepDevice(ctx, id)
}

// goneKey marks a device of which rows may be left.
func goneKey(id string) tuple { return keyOf("gone").text(id) }

func (t *Tx) endDevice(ctx context.Context, id string) error {
	d, err := t.device(ctx, id)
	if err != nil {
		return err
	}
	c, err := credentials.get(ctx, t, credentialsKey(id))
	if err != nil {
		return err
	}
	if c != nil {
		credentials.delete(t, c)
	}
	active, err := t.activeOf(ctx, id)
	if err != nil {
		return err
	}
	if active != nil {
		attachments.delete(t, active) // its history goes with the rest
	}
	devices.delete(t, d)
	t.leave(d)
	t.put(goneKey(id), noValue)
	t.notify(notice{device: id, event: deviceGone})
	return nil
}

// sweepDevices finishes what deletions have left.
func (r *Registry) sweepDevices(ctx context.Context) error {
	var ids []string
	err := r.read(ctx, func(t *Tx) error {
		from, to := store.Prefix(keyOf("gone"))
		return t.scan(ctx, from, to, false, func(key, _ []byte) (bool, error) {
			ids = append(ids, lastText(key))
			return true, nil
		})
	})
	for _, id := range ids {
		err = errors.Join(err, r.sweepDevice(ctx, id))
	}
	return err
}

// sweepDevice deletes the rows of a device that is gone. Nobody adds any more: who would has read the device's row.
func (r *Registry) sweepDevice(ctx context.Context, id string) error {
	for more := true; more; {
		err := r.run(ctx, func(t *Tx) (err error) {
			more, err = t.sweepDevice(ctx, id)
			if err == nil && !more {
				t.delete(goneKey(id))
			}
			return err
		})
		if err != nil {
			return fmt.Errorf("deleting what is left of device %q: %w", id, err)
		}
	}
	return nil
}

func (t *Tx) sweepDevice(ctx context.Context, id string) (more bool, err error) {
	left := sweepBatch
	rows, err := attachments.all(ctx, t, keyOf(attachments.name).text(id))
	if err != nil {
		return false, err
	}
	for _, row := range rows {
		attachments.delete(t, row)
	}
	for _, prefix := range []tuple{
		keyOf("attribute").text(id), keyOf("latest").text(id), keyOf("activity").text(id), keyOf("held").text(id),
		keyOf("call").text(id), keyOf("call/open").text(id),
	} {
		from, to := store.Prefix(prefix)
		err := t.scan(ctx, from, to, false, func(key, _ []byte) (bool, error) {
			t.delete(append(tuple(nil), key...))
			left--
			return left > 0, nil
		})
		if err != nil {
			return false, err
		}
		if left <= 0 {
			return true, nil
		}
	}
	return false, nil
}
