package registry

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/gridtie/gridtie/registry/store"
)

// PendingRow is work that outlives the run that left it: the registry keeps it and does not look inside.
type PendingRow struct {
	Sequence uint64            `json:"sequence"` // given by the engine, rising
	Lane     string            `json:"lane"`
	Owner    string            `json:"owner,omitempty"` // process; empty for Options.Owner
	Due      time.Time         `json:"due,omitzero"`
	Steps    []json.RawMessage `json:"steps"`
}

// Consumed names the pending step that a run has carried out; a Sequence of 0 is none.
type Consumed struct {
	Sequence uint64
	Step     int  // position in the row's steps
	Last     bool // nothing of the row is left
}

func pendingKey(sequence uint64) tuple { return keyOf("pending").number(sequence) }

// A step that is done before others of its row leaves a mark beside it: rewriting the row would let two steps that end
// at the same moment overwrite each other.
func doneKey(sequence uint64, step int) tuple {
	return keyOf("pending/done").number(sequence).number(uint64(step))
}

// pendingWork is what this process knows of pending rows besides the rows.
type pendingWork struct {
	mu    sync.Mutex
	steps map[uint64]int // row → number of steps, to know its marks
	waits []Consumed     // consumed by runs that wrote nothing else
}

// consume notes a step that the next batch takes along.
func (p *pendingWork) consume(c Consumed) {
	if c.Sequence == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = append(p.waits, c)
}

// maxTaken bounds what one batch takes along.
const maxTaken = 512

func (p *pendingWork) take() []Consumed {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := min(len(p.waits), maxTaken)
	taken := slices.Clone(p.waits[:n])
	p.waits = slices.Delete(p.waits, 0, n)
	return taken
}

func (p *pendingWork) putBack(cs []Consumed) {
	if len(cs) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waits = append(slices.Clone(cs), p.waits...)
}

// into adds the ends of steps to a batch. Deletes of a batch come before its puts, so no mark may be put for a row that
// ends in the same batch.
func (p *pendingWork) into(b *store.Batch, cs []Consumed) {
	ended := map[uint64]bool{}
	for _, c := range cs {
		if c.Last {
			ended[c.Sequence] = true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range cs {
		switch {
		case c.Last:
			b.Deletes = append(b.Deletes, pendingKey(c.Sequence))
			for step := range p.steps[c.Sequence] {
				b.Deletes = append(b.Deletes, doneKey(c.Sequence, step))
			}
		case !ended[c.Sequence]:
			b.Puts = append(b.Puts, store.Put{Key: doneKey(c.Sequence, c.Step), Value: noValue})
		}
	}
}

// applied keeps the books after a batch.
func (p *pendingWork) applied(f Fate, taken []Consumed) {
	if len(f.Emit) == 0 && len(taken) == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if f.DeadLetter == nil {
		for _, row := range f.Emit {
			p.count(row)
		}
	}
	for _, c := range taken {
		if c.Last {
			delete(p.steps, c.Sequence)
		}
	}
}

// count keeps the number of steps of a row that can have marks. The mutex is held.
func (p *pendingWork) count(row PendingRow) {
	if len(row.Steps) > 1 {
		p.steps[row.Sequence] = len(row.Steps)
	}
}

// Pending returns the rows of this process by sequence, without the steps that are done; the rest are numbered anew.
// It is for the start, before anything is consumed.
func (r *Registry) Pending(ctx context.Context) ([]PendingRow, error) {
	var rows []PendingRow
	err := r.run(ctx, func(t *Tx) error {
		rows = nil
		return t.resume(ctx, &rows)
	})
	if err != nil {
		return nil, fmt.Errorf("reading pending rows: %w", err)
	}
	r.pending.mu.Lock()
	defer r.pending.mu.Unlock()
	for _, row := range rows {
		r.pending.count(row)
	}
	return rows, nil
}

func (t *Tx) resume(ctx context.Context, rows *[]PendingRow) error {
	exists := map[uint64]bool{} // rows of other processes too
	from, to := store.Prefix(keyOf("pending"))
	err := t.scan(ctx, from, to, false, func(_, value []byte) (bool, error) {
		var row PendingRow
		if err := decode("pending", value, &row); err != nil {
			return false, err
		}
		exists[row.Sequence] = true
		if row.Owner == t.r.owner {
			*rows = append(*rows, row)
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	done := map[string]bool{}
	from, to = store.Prefix(keyOf("pending/done"))
	err = t.scan(ctx, from, to, false, func(key, _ []byte) (bool, error) {
		// A batch with a mark may have overtaken the one that ended its row.
		if sequence := binary.BigEndian.Uint64(key[len(from):]); !exists[sequence] {
			t.delete(slices.Clone(key))
		}
		done[string(key)] = true
		return true, nil
	})
	if err != nil {
		return err
	}
	for i := range *rows {
		if err := t.compact(&(*rows)[i], done); err != nil {
			return err
		}
	}
	*rows = slices.DeleteFunc(*rows, func(row PendingRow) bool { return len(row.Steps) == 0 })
	return nil
}

// compact takes the steps that are done out of a row, in the store too.
func (t *Tx) compact(row *PendingRow, done map[string]bool) error {
	var left []json.RawMessage
	for step := range row.Steps {
		if key := doneKey(row.Sequence, step); done[string(key)] {
			t.delete(key)
		} else {
			left = append(left, row.Steps[step])
		}
	}
	if len(left) == len(row.Steps) {
		return nil
	}
	row.Steps = left
	if len(left) == 0 {
		t.delete(pendingKey(row.Sequence))
		return nil
	}
	value, err := json.Marshal(row)
	if err != nil {
		return err
	}
	t.put(pendingKey(row.Sequence), value)
	return nil
}
