package registry

import (
	"context"
	"fmt"
	"time"
)

// DeadLetter is a message that no chain could finish. The supplier key is not in it, because it never is in a message's
// text; whoever writes it masks the supply point.
type DeadLetter struct {
	ID         string            `json:"id"` // rises with time
	Time       time.Time         `json:"time"`
	Device     string            `json:"device,omitempty"` // id
	DeviceName string            `json:"deviceName,omitempty"`
	Message    string            `json:"message"` // id
	Type       string            `json:"type"`
	Meta       map[string]string `json:"meta,omitempty"`
	Data       string            `json:"data"`
	Path       []string          `json:"path,omitempty"`
	Cause      string            `json:"cause"`
	Attempt    int               `json:"attempt,omitempty"`
	Revision   string            `json:"revision,omitempty"`
}

// DeadLetterFilter selects dead letters; zero fields select all.
type DeadLetterFilter struct {
	Device string // id
	Since  time.Time
}

var deadLetters = table[DeadLetter]{
	name: "dead-letter",
	key:  func(l *DeadLetter) tuple { return keyOf("dead-letter").text(l.ID) },
	index: func(l *DeadLetter, add func(tuple, []byte)) {
		if l.Device != "" {
			add(keyOf("dead-letter/device").text(l.Device).text(l.ID), nil)
		}
	},
	indexes: []string{"dead-letter/device"},
}

func (t *Tx) writeDeadLetter(l DeadLetter) error {
	l.ID = t.r.nextID()
	if l.Time.IsZero() {
		l.Time = t.r.now()
	}
	return deadLetters.put(t, nil, &l)
}

// DeadLetters lists dead letters, newest first.
func (r *Registry) DeadLetters(ctx context.Context, f DeadLetterFilter, p Page) (ls []DeadLetter, next string, err error) {
	index := keyOf(deadLetters.name)
	if f.Device != "" {
		index = keyOf("dead-letter/device").text(f.Device)
	}
	err = r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() (err error) {
			next, err = t.newest(ctx, index, f.Since, p, func(id string) (bool, error) {
				l, err := deadLetters.peek(ctx, t, keyOf(deadLetters.name).text(id))
				if err != nil || l == nil {
					return false, err
				}
				ls = append(ls, *l)
				return true, nil
			})
			return err
		})
	})
	return ls, next, err
}

// DeadLetter returns one dead letter, or ErrNotFound.
func (r *Registry) DeadLetter(ctx context.Context, id string) (DeadLetter, error) {
	var found *DeadLetter
	err := r.read(ctx, func(t *Tx) (err error) {
		found, err = deadLetters.get(ctx, t, keyOf(deadLetters.name).text(id))
		return err
	})
	if err != nil {
		return DeadLetter{}, err
	}
	if found == nil {
		return DeadLetter{}, fmt.Errorf("dead letter %q: %w", id, ErrNotFound)
	}
	return *found, nil
}
