package registry

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/registry/store"
)

// Page bounds a list. The zero value asks for the first 100.
type Page struct {
	Limit  int    // at most 1,000; 0 for 100
	Cursor string // what the list before returned as next; empty for the beginning
}

func (p Page) limit() int {
	switch {
	case p.Limit <= 0:
		return 100
	case p.Limit > 1000:
		return 1000
	}
	return p.Limit
}

// errEnough ends a list from inside.
var errEnough = errors.New("enough")

// page calls take for the rows of a prefix, from the cursor on, until it has taken as many as the page holds. It
// returns the cursor of the next page, empty if there are no more rows.
func (t *Tx) page(ctx context.Context, prefix tuple, p Page, reverse bool,
	take func(key, value []byte) (taken bool, err error),
) (next string, err error) {
	from, to := store.Prefix(prefix)
	if p.Cursor != "" {
		at, err := base64.RawURLEncoding.DecodeString(p.Cursor)
		if err != nil || !bytes.HasPrefix(at, prefix) {
			return "", fmt.Errorf("%w: the cursor is not one of this list", ErrInvalid)
		}
		if reverse {
			to = at // exclusive
		} else {
			from = append(at, 0)
		}
	}
	left := p.limit()
	var last []byte
	err = t.scan(ctx, from, to, reverse, func(key, value []byte) (bool, error) {
		if left == 0 {
			next = base64.RawURLEncoding.EncodeToString(last)
			return false, nil
		}
		taken, err := take(key, value)
		if errors.Is(err, errEnough) {
			return false, nil
		}
		if taken {
			left--
			last = append(last[:0], key...)
		}
		return true, err
	})
	return next, err
}
