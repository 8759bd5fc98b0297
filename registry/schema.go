package registry

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry/store"
)

// schemaVersion is the version of the rows. It rises with every change that an older program would misread.
const schemaVersion = 1

// schema is the one row that every version can read. It is written with the first batch of a new registry.
type schema struct {
	Version int    `json:"version"`
	DataKey []byte `json:"dataKey"` // sealed with the server key
}

var schemaKey = keyOf("schema")

// open reads the schema row, or founds the registry.
func (r *Registry) open(ctx context.Context, server secret.Key) error {
	if err := store.Complete(ctx, r.store); err != nil {
		return err
	}
	found, err := r.readSchema(ctx)
	if err != nil {
		return err
	}
	if found == nil {
		if found, err = r.found(ctx, server); err != nil {
			return err
		}
	}
	if found.Version > schemaVersion {
		return fmt.Errorf("%w: version %d, this program knows %d; use a newer gridtie", ErrSchema, found.Version, schemaVersion)
	}
	if found.Version < 1 {
		return fmt.Errorf("%w: schema version %d", ErrInvalid, found.Version)
	}
	if err := r.keys.open(server, found.DataKey); err != nil {
		return err
	}
	return r.read(ctx, func(t *Tx) error { return t.readLastID(ctx) })
}

func (r *Registry) readSchema(ctx context.Context) (*schema, error) {
	var found *schema
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() (err error) {
			if found, err = readRow[schema](ctx, t, "schema", schemaKey, false); found != nil || err != nil {
				return err
			}
			// Rows without a schema are somebody else's: founding a registry over them would mix the two.
			for _, err := range t.reader.Scan(nil, nil) {
				if err != nil {
					return err
				}
				return fmt.Errorf("%w: the store holds rows that are not a registry's", ErrInvalid)
			}
			return nil
		})
	})
	return found, err
}

// found writes the first rows: schema, data key, and the directory of distributors with their grids.
func (r *Registry) found(ctx context.Context, server secret.Key) (*schema, error) {
	sealed, err := sealDataKey(server, secret.NewKey())
	if err != nil {
		return nil, err
	}
	row := &schema{Version: schemaVersion, DataKey: sealed}
	err = r.run(ctx, func(t *Tx) error {
		// Another process may have been faster.
		if there, err := readRow[schema](ctx, t, "schema", schemaKey, true); there != nil || err != nil {
			row = there
			return err
		}
		value, err := json.Marshal(row)
		if err != nil {
			return err
		}
		t.put(schemaKey, value)
		return t.setDistributors(ctx, DefaultDistributors())
	})
	return row, err
}

// readLastID keeps ids rising when the clock was set back while nobody looked.
func (t *Tx) readLastID(ctx context.Context) error {
	for _, table := range []string{outcomes.name, deadLetters.name} {
		from, to := store.Prefix(keyOf(table))
		err := t.scan(ctx, from, to, true, func(key, _ []byte) (bool, error) {
			nanos, err := strconv.ParseInt(lastText(key), 16, 64)
			if err == nil && nanos > t.r.last.Load() {
				t.r.last.Store(nanos)
			}
			return false, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
