package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/gridtie/gridtie/registry/store"
)

// TxOptions of Begin.
type TxOptions struct {
	// Alone lets no other batch be applied until the transaction ends, so that it cannot meet a conflict.
	Alone bool
}

// Tx gathers writes over committed state, which it and the verbs that find it in their context see with these writes
// on top. It belongs to one goroutine at a time and must end with Commit or Discard.
type Tx struct {
	r         *Registry
	alone     bool
	unchecked bool // it cannot write, so that nothing is decided
	over      bool

	writes  []write        // in the order in which the keys were first written
	place   map[string]int // key → position in writes
	journal []undo
	notices []notice           // what hooks are told once the batch is on disk
	places  []taken            // of devices that are made or deleted
	reads   map[string]reading // rows that were decided on
	rests   store.LSN
	reader  store.Reader // of the view under way
	lost    error        // the store went away under a read: whatever was made of that must not be applied
}

// write is what the transaction does to one key.
type write struct {
	key   string
	value []byte
	is    writeKind
}

type writeKind uint8

const (
	writeNone writeKind = iota // rolled back
	writePut
	writeDelete
)

// undo restores a write, or takes back a notice or a place if at says so.
type undo struct {
	at  int
	was write
}

const (
	undoNotice = -1
	undoPlace  = -2
)

type txKey struct{}

var errOver = errors.New("the transaction is over")

// Begin starts a transaction and returns a context in which verbs find it.
func (r *Registry) Begin(ctx context.Context, o TxOptions) (context.Context, *Tx, error) {
	t := &Tx{r: r, alone: o.Alone}
	if o.Alone {
		if err := r.turn.Acquire(ctx, everybody); err != nil {
			return ctx, nil, err
		}
	}
	return context.WithValue(ctx, txKey{}, t), t, nil
}

// find returns the transaction of a context, nil if it has none of this registry.
func (r *Registry) find(ctx context.Context) *Tx {
	if t, ok := ctx.Value(txKey{}).(*Tx); ok && t.r == r {
		return t
	}
	return nil
}

// run calls a verb in the transaction of ctx; the verb's writes go if it errs. Without one it runs it in a transaction
// of its own, as often as it takes, and returns when the disk has it.
func (r *Registry) run(ctx context.Context, verb func(*Tx) error) error {
	if t := r.find(ctx); t != nil {
		if t.over {
			return errOver
		}
		mark := t.Mark()
		err := verb(t)
		if err != nil {
			t.Rollback(mark)
		}
		return err
	}
	for attempt := 1; ; attempt++ {
		// From the fourth attempt alone, so that it cannot lose for ever.
		err := r.once(ctx, TxOptions{Alone: attempt > 3}, verb)
		if errors.Is(err, ErrAway) && ctx.Err() == nil {
			continue // beginning a view waits
		}
		if !errors.Is(err, ErrConflict) {
			return err
		}
	}
}

// alone is run for a verb that scans for what must not be there, which no check covers.
func (r *Registry) alone(ctx context.Context, verb func(*Tx) error) error {
	if r.find(ctx) != nil {
		return r.run(ctx, verb)
	}
	return r.once(ctx, TxOptions{Alone: true}, verb)
}

func (r *Registry) once(ctx context.Context, o TxOptions, verb func(*Tx) error) error {
	_, t, err := r.Begin(ctx, o)
	if err != nil {
		return err
	}
	defer t.Discard()
	if err := verb(t); err != nil {
		// A refusal rests on state like any other answer.
		return errors.Join(err, r.settle(ctx, t.rests))
	}
	synced, err := t.Commit(ctx, Fate{})
	if err != nil {
		return err
	}
	return synced(ctx)
}

// read is run for a verb that writes nothing.
func (r *Registry) read(ctx context.Context, verb func(*Tx) error) error {
	if t := r.find(ctx); t != nil {
		if t.over {
			return errOver
		}
		return verb(t)
	}
	t := &Tx{r: r, unchecked: true}
	err := verb(t)
	if late := r.settle(ctx, t.rests); late != nil {
		return errors.Join(err, late)
	}
	return err
}

// settle waits until a state is on disk.
func (r *Registry) settle(ctx context.Context, lsn store.LSN) error {
	if lsn <= r.store.Synced() {
		return nil
	}
	return r.store.Sync(ctx, lsn)
}

// view lets several reads share one snapshot.
func (t *Tx) view(ctx context.Context, read func() error) error {
	if t.reader != nil {
		return read()
	}
	if t.lost != nil {
		return t.lost
	}
	lsn, err := t.r.store.View(ctx, func(reader store.Reader) error {
		t.reader = reader
		defer func() { t.reader = nil }()
		return read()
	})
	t.rests = max(t.rests, lsn)
	if errors.Is(err, store.ErrAway) {
		t.lost = err
	}
	return err
}

// Reach waits until the store can be reached. It errs if it never will be, or when ctx ends first.
func (r *Registry) Reach(ctx context.Context) error {
	for {
		_, err := r.store.View(ctx, func(store.Reader) error { return nil })
		if !errors.Is(err, store.ErrAway) || ctx.Err() != nil {
			return err
		}
	}
}

// reading is what a key had when the transaction first read it.
type reading struct {
	at    store.Stamp
	value []byte
	found bool
}

// get calls found with the value of a key if it has one; the value is valid until found returns. With check, the run
// decides on what it read. It is read once: a later reading that differed could not be applied anyway.
func (t *Tx) get(ctx context.Context, key tuple, check bool, found func(value []byte) error) error {
	if at, ok := t.place[string(key)]; ok && t.writes[at].is != writeNone {
		if t.writes[at].is == writeDelete {
			return nil
		}
		return found(t.writes[at].value)
	}
	if seen, ok := t.reads[string(key)]; ok {
		if !seen.found {
			return nil
		}
		return found(seen.value)
	}
	return t.view(ctx, func() error {
		value, ok, err := t.reader.Get(key)
		if err != nil {
			return err
		}
		if check && !t.unchecked {
			if t.reads == nil {
				t.reads = make(map[string]reading, 16)
			}
			t.reads[string(key)] = reading{t.reader.At(), slices.Clone(value), ok}
		}
		if !ok {
			return nil
		}
		return found(value)
	})
}

// scan calls row for the rows with from <= key < to, own writes included, until it says no. Both slices are valid until
// row returns. What a scan finds is not checked.
func (t *Tx) scan(ctx context.Context, from, to []byte, reverse bool, row func(key, value []byte) (more bool, err error)) error {
	own := t.between(from, to)
	if reverse {
		slices.Reverse(own)
	}
	// before tells whether an own write comes before a stored row.
	before := func(own, stored string) bool { return own < stored != reverse }
	return t.view(ctx, func() error {
		rows := t.reader.Scan(from, to)
		if reverse {
			rows = t.reader.ScanReverse(from, to)
		}
		for stored, err := range rows {
			if err != nil {
				return err
			}
			for len(own) > 0 && own[0].key != string(stored.Key) && before(own[0].key, string(stored.Key)) {
				w := own[0]
				own = own[1:]
				if w.is == writePut {
					if more, err := row([]byte(w.key), w.value); !more || err != nil {
						return err
					}
				}
			}
			value := stored.Value
			if len(own) > 0 && own[0].key == string(stored.Key) {
				w := own[0]
				own = own[1:]
				if w.is == writeDelete {
					continue
				}
				value = w.value
			}
			if more, err := row(stored.Key, value); !more || err != nil {
				return err
			}
		}
		for _, w := range own {
			if w.is == writePut {
				if more, err := row([]byte(w.key), w.value); !more || err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// between returns own writes in a range, in the order of their keys.
func (t *Tx) between(from, to []byte) []write {
	var own []write
	for _, w := range t.writes {
		if w.is != writeNone && w.key >= string(from) && (len(to) == 0 || w.key < string(to)) {
			own = append(own, w)
		}
	}
	slices.SortFunc(own, func(a, b write) int {
		if a.key < b.key {
			return -1
		}
		return 1
	})
	return own
}

func (t *Tx) put(key tuple, value []byte) {
	t.write(write{key: string(key), value: value, is: writePut})
}

func (t *Tx) delete(key tuple) { t.write(write{key: string(key), is: writeDelete}) }

func (t *Tx) write(w write) {
	if at, ok := t.place[w.key]; ok {
		t.journal = append(t.journal, undo{at: at, was: t.writes[at]})
		t.writes[at] = w
		return
	}
	if t.place == nil {
		t.place = make(map[string]int, 16)
	}
	at := len(t.writes)
	t.place[w.key] = at
	t.writes = append(t.writes, w)
	t.journal = append(t.journal, undo{at: at, was: write{key: w.key}})
}

func (t *Tx) notify(n notice) {
	t.notices = append(t.notices, n)
	t.journal = append(t.journal, undo{at: undoNotice})
}

// Mark returns a point to roll back to.
func (t *Tx) Mark() int { return len(t.journal) }

// Rollback takes back what was written since the mark. What was read stays read: the run decided on it.
func (t *Tx) Rollback(mark int) {
	for len(t.journal) > mark {
		last := t.journal[len(t.journal)-1]
		t.journal = t.journal[:len(t.journal)-1]
		switch last.at {
		case undoNotice:
			t.notices = t.notices[:len(t.notices)-1]
		case undoPlace:
			end := len(t.places) - 1
			t.r.quota.release(t.places[end])
			t.places = t.places[:end]
		default:
			t.writes[last.at] = last.was
		}
	}
}

// Discard drops what was gathered. After Commit, or a second time, it does nothing.
func (t *Tx) Discard() {
	if t.over {
		return
	}
	t.over = true
	if len(t.places) > 0 {
		t.r.quota.release(t.places...)
	}
	if t.alone {
		t.r.turn.Release(everybody)
	}
}

// batch is what the transaction would apply. It is empty of checks alone if nothing is written.
func (t *Tx) batch() (b store.Batch, wrote bool) {
	for _, w := range t.writes {
		switch w.is {
		case writePut:
			b.Puts = append(b.Puts, store.Put{Key: []byte(w.key), Value: w.value})
		case writeDelete:
			b.Deletes = append(b.Deletes, []byte(w.key))
		}
	}
	if len(b.Puts) == 0 && len(b.Deletes) == 0 {
		return b, false
	}
	b.Checks = make([]store.Check, 0, len(t.reads))
	for key, seen := range t.reads {
		b.Checks = append(b.Checks, store.Check{Key: []byte(key), At: seen.at})
	}
	return b, true
}

// forget begins anew after a flush: what was decided has been applied.
func (t *Tx) forget() {
	t.writes, t.journal, t.notices, t.places = t.writes[:0], t.journal[:0], nil, nil
	clear(t.place)
	clear(t.reads)
}
