package postgres

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/gridtie/gridtie/registry/store"
)

// request is a batch that waits for its turn.
type request struct {
	batch store.Batch
	owner atomic.Int32 // who decides on it: waiting, taken or withdrawn
	lsn   store.LSN
	err   error
	done  chan struct{} // closed when lsn and err are set
}

const (
	waiting int32 = iota
	taken
	withdrawn
)

// group is batches that share a transaction.
type group struct {
	prev, last store.LSN // the state before, and the one that it makes

	rows  []row          // in the order in which their keys were first written
	place map[string]int // key → position in rows
	docs  bool           // whether jsonb is tried
}

// row is what becomes of one key.
type row struct {
	table      string
	key, value []byte // key in its table; a nil value deletes
}

func newGroup(prev store.LSN) *group {
	return &group{prev: prev, last: prev, place: map[string]int{}, docs: true}
}

// add makes b the group's last batch.
func (g *group) add(b store.Batch) {
	g.last++
	for _, k := range b.Deletes {
		g.set(k, nil)
	}
	for _, p := range b.Puts {
		value := p.Value
		if value == nil {
			value = []byte{}
		}
		g.set(p.Key, value)
	}
}

func (g *group) set(key, value []byte) {
	if at, ok := g.place[string(key)]; ok {
		g.rows[at].value = value
		return
	}
	g.place[string(key)] = len(g.rows)
	table, rest := place(key)
	if rest == nil {
		rest = []byte{} // nil would be NULL
	}
	g.rows = append(g.rows, row{table, rest, value})
}

// missing names the tables that the group writes to and c does not have.
func (g *group) missing(c *catalog) []string {
	var names []string
	seen := map[string]bool{}
	for _, r := range g.rows {
		if r.value != nil && !seen[r.table] && c.find(r.table) == nil {
			seen[r.table] = true
			names = append(names, r.table)
		}
	}
	return names
}

// change is what is done to one table.
type change struct {
	table   *table
	deletes [][]byte
	keys    [][]byte
	values  [][]byte
	docs    []bool
}

func (g *group) changes(c *catalog) []*change {
	var all []*change
	of := map[string]*change{}
	for _, r := range g.rows {
		ch := of[r.table]
		if ch == nil {
			t := c.find(r.table)
			if t == nil {
				continue // deletes of what is not there
			}
			ch = &change{table: t}
			of[r.table] = ch
			all = append(all, ch)
		}
		if r.value == nil {
			ch.deletes = append(ch.deletes, r.key)
			continue
		}
		ch.keys = append(ch.keys, r.key)
		ch.values = append(ch.values, r.value)
		ch.docs = append(ch.docs, g.docs && document(r.value))
	}
	return all
}

// send commits the group over conn. Only the word COMMIT from the server counts; whatever else comes back, the group
// may or may not be there.
func (g *group) send(ctx context.Context, conn *pgx.Conn, s *statements, owner string, c *catalog) error {
	var b pgx.Batch
	b.Queue("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE")
	b.Queue(s.advance, int64(g.prev), int64(g.last), owner)
	for _, ch := range g.changes(c) {
		if len(ch.deletes) > 0 {
			b.Queue(ch.table.delete, ch.deletes)
		}
		if len(ch.keys) > 0 {
			b.Queue(ch.table.put, ch.keys, ch.values, ch.docs)
		}
	}
	b.Queue("COMMIT")
	answers := conn.SendBatch(ctx, &b)
	var word string
	for range b.Len() {
		tag, err := answers.Exec()
		if err != nil {
			_ = answers.Close() // says the same
			return err
		}
		word = tag.String()
	}
	if err := answers.Close(); err != nil {
		return err
	}
	if word != "COMMIT" {
		return final{fmt.Errorf("the database answered %q to COMMIT", word)}
	}
	return nil
}

// refusesData tells whether the server could not make sense of a value, which only jsonb gives it occasion to.
func refusesData(err error) bool {
	state := code(err)
	return len(state) == 5 && (state[:2] == "22" || state[:2] == "54")
}
