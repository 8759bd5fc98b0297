package registry

import (
	"bytes"
	"context"
	"fmt"

	"github.com/gridtie/gridtie/registry/store"
)

// Check reads everything in one snapshot and tells what does not fit together: index rows without their row and rows
// without their index rows, attachments that contradict each other, rows of devices that are not there. An empty
// answer means that all is well. No error names a supply point or a secret.
func (r *Registry) Check(ctx context.Context) []error {
	c := checker{
		devices: map[string]bool{}, gone: map[string]bool{}, suppliers: map[string]bool{}, keys: map[string]string{},
		assigned: map[assigned]string{},
	}
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error { return c.run(ctx, t) })
	})
	if err != nil {
		c.found = append(c.found, fmt.Errorf("checking the registry: %w", err))
	}
	return c.found
}

type checker struct {
	found     []error
	devices   map[string]bool
	gone      map[string]bool
	suppliers map[string]bool
	keys      map[string]string   // id → supplier
	assigned  map[assigned]string // → one to whom
}

func (c *checker) say(format string, args ...any) {
	c.found = append(c.found, fmt.Errorf(format, args...))
}

func (c *checker) run(ctx context.Context, t *Tx) error {
	return firstError(
		func() error {
			return tableFits(ctx, t, c, &profiles, func(p *profileRow) {
				c.assigns(p.Assigned, "profile", p.Name)
			})
		},
		func() error {
			return tableFits(ctx, t, c, &devices, func(d *Device) {
				c.devices[d.ID] = true
				c.assigns(d.Assigned, "device", d.ID)
			})
		},
		func() error {
			from, to := store.Prefix(keyOf("gone"))
			return t.scan(ctx, from, to, false, func(key, _ []byte) (bool, error) {
				c.gone[lastText(key)] = true
				return true, nil
			})
		},
		func() error {
			withCredentials := 0
			err := tableFits(ctx, t, c, &credentials, func(row *credentialsRow) {
				withCredentials++
				c.device("credentials", row.Device, false)
			})
			if withCredentials != len(c.devices) {
				c.say("%d devices have %d credentials", len(c.devices), withCredentials)
			}
			return err
		},
		func() error {
			return tableFits(ctx, t, c, &suppliers, func(s *Supplier) { c.suppliers[s.ID] = true })
		},
		func() error {
			return tableFits(ctx, t, c, &supplierKeys, func(k *keyRow) {
				c.keys[k.ID] = k.Supplier
				if !c.suppliers[k.Supplier] {
					c.say("key %q: supplier %q is not there", k.ID, k.Supplier)
				}
			})
		},
		func() error { return c.gridsFit(ctx, t) },
		func() error { return c.attachmentsFit(ctx, t) },
		func() error { return tableFits(ctx, t, c, &outcomes, nil) },
		func() error { return tableFits(ctx, t, c, &deadLetters, nil) },
		func() error {
			return tableFits(ctx, t, c, &activities, func(a *activityRow) { c.device("activity", a.Device, true) })
		},
		func() error {
			return tableFits(ctx, t, c, &calls, func(call *Call) { c.device("call", call.Device, true) })
		},
		func() error { return c.packagesFit(ctx, t) },
		func() error { return c.valuesFit(ctx, t, "attribute") },
		func() error { return c.valuesFit(ctx, t, "latest") },
	)
}

func firstError(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// device says so if a row hangs on a device that is not there. Of a deleted one, rows may be left for housekeeping.
func (c *checker) device(table, id string, sweepable bool) {
	if !c.devices[id] && !(sweepable && c.gone[id]) {
		c.say("table %q: device %q is not there", table, id)
	}
}

// tableFits compares the rows of a table with its index, both ways, and calls each for every row.
func tableFits[T any](ctx context.Context, t *Tx, c *checker, b *table[T], each func(*T)) error {
	expected := map[string][]byte{}
	from, to := store.Prefix(keyOf(b.name))
	err := t.scan(ctx, from, to, false, func(key, value []byte) (bool, error) {
		row := new(T)
		if err := decode(b.name, value, row); err != nil {
			c.say("%w", err)
			return true, nil
		}
		if !bytes.Equal(b.key(row), key) {
			c.say("table %q: a row stands under the key of another", b.name)
		}
		if b.index != nil {
			b.index(row, func(key tuple, value []byte) {
				if value == nil {
					value = noValue
				}
				if _, twice := expected[string(key)]; twice {
					c.say("table %q: two rows have the same entry in index %q", b.name, firstText(key))
				}
				expected[string(key)] = value
			})
		}
		if each != nil {
			each(row)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	for _, index := range b.indexes {
		from, to := store.Prefix(keyOf(index))
		err := t.scan(ctx, from, to, false, func(key, value []byte) (bool, error) {
			want, ok := expected[string(key)]
			switch {
			case !ok:
				c.say("index %q: an entry without a row", index)
			case !bytes.Equal(want, value):
				c.say("index %q: an entry points elsewhere", index)
			}
			delete(expected, string(key))
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	for key := range expected {
		c.say("index %q: an entry is missing", firstText([]byte(key)))
	}
	return nil
}

func (c *checker) gridsFit(ctx context.Context, t *Tx) error {
	known := map[string]bool{}
	parents := map[string]string{}
	err := tableFits(ctx, t, c, &grids, func(g *Grid) {
		known[g.ID] = true
		if g.Parent != "" {
			parents[g.ID] = g.Parent
		}
	})
	if err != nil {
		return err
	}
	for grid, parent := range parents {
		if !known[parent] {
			c.say("grid %q: its parent %q is not there", grid, parent)
		}
	}
	if err := tableFits(ctx, t, c, &distributors, nil); err != nil {
		return err
	}
	return tableFits(ctx, t, c, &memberships, func(m *membershipRow) {
		for _, in := range m.List {
			if !known[in.Grid] {
				c.say("a membership: grid %q is not there", in.Grid)
			}
		}
	})
}

// attachmentsFit finds what the claims alone cannot show: a device with two active attachments, and one that is active
// and has ended.
func (c *checker) attachmentsFit(ctx context.Context, t *Tx) error {
	met := map[string]bool{}
	err := tableFits(ctx, t, c, &points, func(p *pointRow) { met[string(p.Scheme)+p.ID] = true })
	if err != nil {
		return err
	}
	active := map[string]string{}
	err = tableFits(ctx, t, c, &attachments, func(a *attachmentRow) {
		if !met[string(a.Scheme)+a.PointID] {
			c.say("attachment %q of device %q: its supply point is not there", a.ID, a.Device)
		}
		c.device("attachment", a.Device, a.State != StateActive)
		if c.keys[a.Key] != a.Supplier {
			c.say("attachment %q of device %q: key %q is not one of supplier %q", a.ID, a.Device, a.Key, a.Supplier)
		}
		if (a.State == StateActive) != a.To.IsZero() {
			c.say("attachment %q of device %q: %s, and its end says otherwise", a.ID, a.Device, a.State)
		}
		if _, err := a.noun(); err != nil {
			c.say("%w", err)
		}
		if a.State == StateActive {
			if other, twice := active[a.Device]; twice {
				c.say("device %q has two active attachments, %q and %q", a.Device, other, a.ID)
			}
			active[a.Device] = a.ID
		}
	})
	if err != nil {
		return err
	}
	return tableFits(ctx, t, c, &held, func(a *attachmentRow) { c.device("held", a.Device, true) })
}

// valuesFit checks a table whose keys begin with a device.
func (c *checker) valuesFit(ctx context.Context, t *Tx, table string) error {
	prefix := keyOf(table)
	from, to := store.Prefix(prefix)
	return t.scan(ctx, from, to, false, func(key, value []byte) (bool, error) {
		var row valueRow
		if err := decode(table, value, &row); err != nil {
			c.say("%w", err)
		}
		c.device(table, unescape(key[len(prefix):]), true)
		return true, nil
	})
}
