package registry

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/gridtie/gridtie/registry/store"
)

// table is a typed table over the store: one JSON value a row, and index rows that follow from it. Claims of what must
// be unique are index rows too; the verb that writes one has read it before, so that its absence is checked.
type table[T any] struct {
	name string
	key  func(*T) tuple
	// index calls add for every index row of a row. An empty value says that the key is all there is to know.
	index   func(row *T, add func(key tuple, value []byte))
	indexes []string // names of the tables that index adds to
}

var noValue = []byte("{}") // a value must be JSON, also where a store keeps it as such

// get reads a row that is decided on; nil if there is none.
func (b *table[T]) get(ctx context.Context, t *Tx, key tuple) (*T, error) {
	return readRow[T](ctx, t, b.name, key, true)
}

// peek reads a row without deciding on it.
func (b *table[T]) peek(ctx context.Context, t *Tx, key tuple) (*T, error) {
	return readRow[T](ctx, t, b.name, key, false)
}

func readRow[T any](ctx context.Context, t *Tx, table string, key tuple, check bool) (*T, error) {
	var row *T
	err := t.get(ctx, key, check, func(value []byte) error {
		row = new(T)
		return decode(table, value, row)
	})
	return row, err
}

func decode(table string, value []byte, row any) error {
	if err := json.Unmarshal(value, row); err != nil {
		return fmt.Errorf("reading a row of table %q: %w", table, err)
	}
	return nil
}

// put writes a row in the place of old, nil if there was none, and brings the index up to date.
func (b *table[T]) put(t *Tx, old, row *T) error {
	value, err := json.Marshal(row)
	if err != nil {
		return fmt.Errorf("writing a row of table %q: %w", b.name, err)
	}
	if b.index != nil {
		if old != nil {
			b.index(old, func(key tuple, _ []byte) { t.delete(key) })
		}
		b.index(row, func(key tuple, value []byte) {
			if value == nil {
				value = noValue
			}
			t.put(key, value)
		})
	}
	if old != nil {
		if was := b.key(old); string(was) != string(b.key(row)) {
			t.delete(was)
		}
	}
	t.put(b.key(row), value)
	return nil
}

// delete removes a row and its index rows.
func (b *table[T]) delete(t *Tx, row *T) {
	if b.index != nil {
		b.index(row, func(key tuple, _ []byte) { t.delete(key) })
	}
	t.delete(b.key(row))
}

// all reads every row whose key begins so, in order.
func (b *table[T]) all(ctx context.Context, t *Tx, prefix tuple) ([]*T, error) {
	var rows []*T
	from, to := store.Prefix(prefix)
	err := t.scan(ctx, from, to, false, func(_, value []byte) (bool, error) {
		row := new(T)
		rows = append(rows, row)
		return true, decode(b.name, value, row)
	})
	return rows, err
}

// page reads one page of the rows whose key begins so.
func (b *table[T]) page(ctx context.Context, t *Tx, prefix tuple, p Page, reverse bool, keep func(*T) bool) ([]*T, string, error) {
	var rows []*T
	next, err := t.page(ctx, prefix, p, reverse, func(_, value []byte) (bool, error) {
		row := new(T)
		if err := decode(b.name, value, row); err != nil {
			return false, err
		}
		if keep != nil && !keep(row) {
			return false, nil
		}
		rows = append(rows, row)
		return true, nil
	})
	return rows, next, err
}

// ids calls found with the ids at the end of an index.
func (t *Tx) ids(ctx context.Context, index tuple, found func(id string) error) error {
	from, to := store.Prefix(index)
	return t.scan(ctx, from, to, false, func(key, _ []byte) (bool, error) {
		return true, found(lastText(key))
	})
}
