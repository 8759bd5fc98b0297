package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/gridtie/gridtie/registry/store"
)

// Why a device is one too many.
const (
	RefusedProfileFull      RefusalReason = "the profile has as many devices as it may"
	RefusedInstallationFull RefusalReason = "there are as many devices as there may be"
	RefusedGatewayFull      RefusalReason = "the gateway has as many devices as it may"
)

// quota counts devices, in memory: a row that every new device had to change would let one be made at a time, and be what all
// of them conflict about. The process that has the store counts its rows once, when a limit on them first comes into force,
// and then what its batches make and delete.
//
// A device takes its place before it is written, and gives it back if its run comes to nothing. So no limit is ever exceeded
// by devices that come at once; at worst one is refused while another, that will not be made in the end, has the last place.
// What is there already when a limit is set stays.
type quota struct {
	most int // devices of the installation; 0: any number

	mu      sync.Mutex
	counted bool
	all     int
	profile map[string]int // by name
	gateway map[string]int // by id
}

// taken is a place that a transaction takes, or gives back.
type taken struct {
	profile  string // empty if the device is there, and only comes behind a gateway
	gateway  string // the first to speak for it
	n        int
	reserved bool // it is counted already
}

// addLocked changes the counts. What is no longer there is not kept.
func (q *quota) addLocked(p taken) {
	if p.profile != "" {
		q.all += p.n
		if q.profile[p.profile] += p.n; q.profile[p.profile] <= 0 {
			delete(q.profile, p.profile)
		}
	}
	if p.gateway != "" {
		if q.gateway[p.gateway] += p.n; q.gateway[p.gateway] <= 0 {
			delete(q.gateway, p.gateway)
		}
	}
}

// reserve takes a place if there is room. Before devices were counted there is.
func (q *quota) reserve(p taken, ofProfile, ofGateway int) (reserved bool, refused *Refusal) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case !q.counted:
		return false, nil
	case p.gateway != "" && ofGateway > 0 && q.gateway[p.gateway] >= ofGateway:
		return false, &Refusal{Reason: RefusedGatewayFull}
	case p.profile == "":
	case ofProfile > 0 && q.profile[p.profile] >= ofProfile:
		return false, &Refusal{Reason: RefusedProfileFull}
	case q.most > 0 && q.all >= q.most:
		return false, &Refusal{Reason: RefusedInstallationFull}
	}
	q.addLocked(p)
	return true, nil
}

// release gives back what a transaction reserved, and did not write after all.
func (q *quota) release(all ...taken) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range all {
		if p.reserved {
			p.n = -p.n
			q.addLocked(p)
		}
	}
}

// settle counts what a batch has written.
func (q *quota) settle(all []taken) {
	if len(all) == 0 {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range all {
		if q.counted && !p.reserved {
			q.addLocked(p)
		}
	}
}

// take takes a place for a device that the transaction is to write, or errs with a *Refusal.
func (t *Tx) take(p taken, ofProfile, ofGateway int) error {
	p.n = 1
	reserved, refused := t.r.quota.reserve(p, ofProfile, ofGateway)
	if refused != nil {
		return refused
	}
	p.reserved = reserved
	t.note(p)
	return nil
}

// leave gives a place back once the transaction is applied.
func (t *Tx) leave(d *Device) { t.note(taken{profile: d.Profile, gateway: d.Via, n: -1}) }

func (t *Tx) note(p taken) {
	t.places = append(t.places, p)
	t.journal = append(t.journal, undo{at: undoPlace})
}

// limitsDevices tells whether a profile limits how many devices there are.
func (p *Profile) limitsDevices() bool { return p.Limits.Devices > 0 || p.Limits.GatewayDevices > 0 }

// countFor counts devices if the profile limits their number, unless that is a matter of the caller's transaction.
func (r *Registry) countFor(ctx context.Context, p *Profile) error {
	if !p.limitsDevices() || r.find(ctx) != nil {
		return nil
	}
	return r.CountDevices(context.WithoutCancel(ctx)) // the limit is there, whether or not its caller waits
}

// CountDevices counts the devices that are there, if there is a limit on their number and they are not counted yet: a look at
// every device, while no batch is applied. Open does so, and so does every verb that sets such a limit outside a transaction
// of its caller's.
func (r *Registry) CountDevices(ctx context.Context) error {
	for {
		err := r.countOnce(ctx)
		if !errors.Is(err, ErrAway) || ctx.Err() != nil {
			return err // a store that is away is waited for when the next view begins
		}
	}
}

func (r *Registry) countOnce(ctx context.Context) error {
	r.quota.mu.Lock()
	done := r.quota.counted
	r.quota.mu.Unlock()
	if done {
		return nil
	}
	limited := r.quota.most > 0
	if !limited {
		all, err := r.Profiles(ctx)
		if err != nil {
			return err
		}
		for i := range all {
			limited = limited || all[i].limitsDevices()
		}
	}
	if !limited {
		return nil
	}
	if err := r.turn.Acquire(ctx, everybody); err != nil {
		return err
	}
	defer r.turn.Release(everybody)
	return r.countDevices(ctx)
}

// countDevices is for who lets no batch be applied meanwhile.
func (r *Registry) countDevices(ctx context.Context) error {
	counts := quota{profile: map[string]int{}, gateway: map[string]int{}}
	t := &Tx{r: r, unchecked: true}
	from, to := store.Prefix(keyOf(devices.name))
	err := t.scan(ctx, from, to, false, func(_, value []byte) (bool, error) {
		var d struct { // a Device, as far as it counts
			Profile string `json:"profile"`
			Via     string `json:"via"`
		}
		if err := decode(devices.name, value, &d); err != nil {
			return false, err
		}
		counts.addLocked(taken{profile: d.Profile, gateway: d.Via, n: 1})
		return true, nil
	})
	if err != nil {
		return fmt.Errorf("counting devices: %w", err)
	}
	q := &r.quota
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.counted {
		q.counted, q.all, q.profile, q.gateway = true, counts.all, counts.profile, counts.gateway
	}
	return nil
}

// CountedDevices are the devices of a profile, and of the whole installation, as they count against limits: those included
// that are just being made. ok is false while nothing limits them and they are not counted.
func (r *Registry) CountedDevices(profile string) (ofProfile, all int, ok bool) {
	q := &r.quota
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.profile[profile], q.all, q.counted
}
