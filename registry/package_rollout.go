package registry

import (
	"context"
	"fmt"

	"github.com/gridtie/gridtie/registry/store"
)

// rollout is an assignment to a profile of which some devices may not have been told: those behind After. Devices that are
// made meanwhile are told by who makes them, having read the profile.
type rollout struct {
	Kind    PackageKind `json:"kind"`
	Profile string      `json:"profile"`
	After   string      `json:"after"` // id of a device; they are taken in the order of their ids
}

var rollouts = table[rollout]{
	name: "package/rollout",
	key:  func(o *rollout) tuple { return keyOf("package/rollout").text(string(o.Kind)).text(o.Profile) },
}

// One batch of a rollout looks at so many devices, and tells so many of them. By itself a rollout goes on for so many batches
// at a time.
const (
	rolloutLooks   = 1000
	rolloutTells   = 100
	rolloutBatches = 20
)

// rollOut tells some devices of what is assigned to their profile, and says whether there are more. Whoever else does so at
// the same time only makes it repeat a batch.
func (r *Registry) rollOut(ctx context.Context, k PackageKind, profile string) (told int, more bool, err error) {
	err = r.run(ctx, func(t *Tx) error {
		told, more = 0, false
		return t.view(ctx, func() (err error) {
			told, more, err = t.rollOut(ctx, rollout{Kind: k, Profile: profile})
			return err
		})
	})
	if err != nil {
		return 0, false, fmt.Errorf("telling the devices of profile %q: %w", profile, err)
	}
	return told, more, nil
}

func (t *Tx) rollOut(ctx context.Context, of rollout) (told int, more bool, err error) {
	at, err := rollouts.get(ctx, t, rollouts.key(&of))
	if err != nil || at == nil {
		return 0, false, err
	}
	profile, err := profiles.get(ctx, t, profileKey(at.Profile)) // decided on: the assignment must be the one of this moment
	if err != nil {
		return 0, false, err
	}
	if profile == nil { // and no devices of it
		rollouts.delete(t, at)
		return 0, false, nil
	}
	ids, last, more, err := t.nextDevices(ctx, at)
	if err != nil {
		return 0, false, err
	}
	for _, id := range ids {
		changed, err := t.tellOne(ctx, id, at.Kind)
		if err != nil {
			return 0, false, err
		}
		if changed {
			told++
		}
	}
	if !more {
		rollouts.delete(t, at)
		return told, false, nil
	}
	next := *at
	next.After = last
	return told, true, rollouts.put(t, at, &next)
}

// nextDevices finds devices of the profile; last is the last device that was looked at.
func (t *Tx) nextDevices(ctx context.Context, at *rollout) (ids []string, last string, more bool, err error) {
	from, to := store.Prefix(keyOf(devices.name))
	if at.After != "" {
		from = append(deviceKey(at.After), 0)
	}
	looked := 0
	err = t.scan(ctx, from, to, false, func(_, value []byte) (bool, error) {
		if looked == rolloutLooks || len(ids) == rolloutTells {
			more = true
			return false, nil
		}
		var d Device
		if err := decode(devices.name, value, &d); err != nil {
			return false, err
		}
		looked++
		last = d.ID
		if d.Profile == at.Profile && d.Assigned.of(at.Kind).IsZero() {
			ids = append(ids, d.ID)
		}
		return true, nil
	})
	return ids, last, more, err
}

// tellOne tells a device, if it is there still.
func (t *Tx) tellOne(ctx context.Context, id string, k PackageKind) (changed bool, err error) {
	d, err := devices.get(ctx, t, deviceKey(id))
	if err != nil || d == nil {
		return false, err
	}
	p, err := t.packageOf(ctx, d, k)
	if err != nil {
		return false, err
	}
	return t.tell(ctx, id, k, p)
}

// goOnRollingOut goes on with rollouts that were broken off, for a while.
func (r *Registry) goOnRollingOut(ctx context.Context) error {
	if !r.rollouts.Swap(false) {
		return nil
	}
	open, err := r.openRollouts(ctx)
	if err != nil {
		r.rollouts.Store(true)
		return err
	}
	left := rolloutBatches
	for _, o := range open {
		for more := true; more; left-- {
			if left == 0 {
				r.rollouts.Store(true)
				return nil
			}
			if _, more, err = r.rollOut(ctx, o.Kind, o.Profile); err != nil {
				r.rollouts.Store(true)
				return err
			}
		}
	}
	return nil
}

func (r *Registry) openRollouts(ctx context.Context) (open []*rollout, err error) {
	err = r.read(ctx, func(t *Tx) error {
		open, err = rollouts.all(ctx, t, keyOf(rollouts.name))
		return err
	})
	return open, err
}
