package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/registry/store"
)

// AttributeScope says who owns an attribute, named as ThingsBoard names it.
type AttributeScope string

const (
	ClientScope AttributeScope = "CLIENT_SCOPE" // reported by the device
	SharedScope AttributeScope = "SHARED_SCOPE" // set by the server, pushed to the device
	ServerScope AttributeScope = "SERVER_SCOPE" // set by the server, never shown to the device
)

// MaxAttributeKey is the length of an attribute's or time series' name in bytes; a longer one is refused.
const MaxAttributeKey = 512

// Attribute is a named value of a device.
type Attribute struct {
	Key     string          `json:"key"`
	Value   json.RawMessage `json:"value"`
	Updated time.Time       `json:"updated"`
}

// SharedChange is what happened to the shared attributes of a device.
type SharedChange struct {
	Device  string
	Updated []Attribute
	Deleted []string
}

// valueRow is an attribute's value, or a reading.
type valueRow struct {
	Value   json.RawMessage `json:"v"`
	Updated int64           `json:"t"` // milliseconds since 1970
}

func attributeKey(device string, s AttributeScope, key string) tuple {
	return keyOf("attribute").text(device).text(string(s)).text(key)
}

func (s AttributeScope) check() error {
	if s != ClientScope && s != SharedScope && s != ServerScope {
		return fmt.Errorf("%w: attribute scope %q", ErrInvalid, s)
	}
	return nil
}

func checkKey(key string) error {
	if key == "" || len(key) > MaxAttributeKey {
		return fmt.Errorf("%w: a name of %d bytes", ErrInvalid, len(key))
	}
	return nil
}

func (t *Tx) attribute(ctx context.Context, device string, s AttributeScope, key string) (*valueRow, error) {
	return readRow[valueRow](ctx, t, "attribute", attributeKey(device, s, key), true)
}

func (t *Tx) putAttribute(device string, s AttributeScope, a Attribute) error {
	if a.Updated.IsZero() {
		a.Updated = t.r.now()
	}
	return t.putValue(attributeKey(device, s, a.Key), a.Value, a.Updated)
}

func (t *Tx) putValue(key tuple, value json.RawMessage, at time.Time) error {
	row, err := json.Marshal(valueRow{Value: value, Updated: at.UnixMilli()})
	if err != nil {
		return fmt.Errorf("%w: the value is not JSON", ErrInvalid) // what stands in err may quote the value
	}
	t.put(key, row)
	return nil
}

// SaveAttributes sets attributes of a device and returns them as saved, with the time of this change. As in ThingsBoard
// a value that stays the same is a change too: a subscriber hears of it.
func (r *Registry) SaveAttributes(ctx context.Context, device string, s AttributeScope, as []Attribute) ([]Attribute, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	saved := make([]Attribute, len(as))
	err := r.run(ctx, func(t *Tx) error {
		if _, err := t.device(ctx, device); err != nil {
			return err
		}
		now := r.now()
		for i, a := range as {
			if err := checkKey(a.Key); err != nil {
				return err
			}
			a.Updated = now
			if err := t.putAttribute(device, s, a); err != nil {
				return fmt.Errorf("attribute %q: %w", a.Key, err)
			}
			saved[i] = a
		}
		if s == SharedScope && len(saved) > 0 {
			t.notify(notice{device: device, change: &SharedChange{Device: device, Updated: saved}})
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("saving attributes: %w", err)
	}
	return saved, nil
}

// DeleteAttributes deletes attributes of a device and returns the names of those that were there.
func (r *Registry) DeleteAttributes(ctx context.Context, device string, s AttributeScope, keys ...string) ([]string, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	var deleted []string
	err := r.run(ctx, func(t *Tx) error {
		deleted = nil
		return t.view(ctx, func() error {
			if _, err := t.device(ctx, device); err != nil {
				return err
			}
			for _, key := range keys {
				if checkKey(key) != nil {
					continue // nobody could have saved it
				}
				row, err := t.attribute(ctx, device, s, key)
				if err != nil {
					return err
				}
				if row != nil {
					t.delete(attributeKey(device, s, key))
					deleted = append(deleted, key)
				}
			}
			if s == SharedScope && len(deleted) > 0 {
				t.notify(notice{device: device, change: &SharedChange{Device: device, Deleted: deleted}})
			}
			return nil
		})
	})
	if err != nil {
		return nil, fmt.Errorf("deleting attributes: %w", err)
	}
	return deleted, nil
}

// Attributes returns attributes of a device: those named that are there, or all of the scope by name if none is named.
func (r *Registry) Attributes(ctx context.Context, device string, s AttributeScope, keys ...string) ([]Attribute, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	var found []Attribute
	err := r.read(ctx, func(t *Tx) error {
		return t.values(ctx, keyOf("attribute").text(device).text(string(s)), keys, func(key string, row *valueRow) {
			found = append(found, Attribute{Key: key, Value: row.Value, Updated: timeOf(row.Updated)})
		})
	})
	return found, err
}

// values reads the rows of that name below a prefix, or all of them.
func (t *Tx) values(ctx context.Context, prefix tuple, keys []string, found func(key string, row *valueRow)) error {
	table := firstText(prefix)
	if len(keys) == 0 {
		from, to := store.Prefix(prefix)
		return t.scan(ctx, from, to, false, func(key, value []byte) (bool, error) {
			var row valueRow
			if err := decode(table, value, &row); err != nil {
				return false, err
			}
			found(unescape(key[len(prefix):]), &row)
			return true, nil
		})
	}
	return t.view(ctx, func() error {
		for _, key := range keys {
			if checkKey(key) != nil {
				continue
			}
			row, err := readRow[valueRow](ctx, t, table, append(tuple(nil), prefix...).text(key), true)
			if err != nil {
				return err
			}
			if row != nil {
				found(key, row)
			}
		}
		return nil
	})
}
