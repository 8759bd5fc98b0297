package postgres

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// rowsTable holds the keys that do not begin with a table's name.
const rowsTable = "_rows"

// place tells in which table a key is, "" for rowsTable, and what its key there is.
func place(key []byte) (table string, rest []byte) {
	end := bytes.IndexByte(key, 0)
	if end < 0 || end+1 >= len(key) || key[end+1] != 0x01 || !isName(key[:end]) {
		return "", key
	}
	return string(key[:end]), key[end+2:]
}

// isName tells whether a table may be called so: words of lower-case letters and digits, joined by one hyphen or slash,
// the first beginning with a letter, and not longer than an identifier of PostgreSQL.
func isName(name []byte) bool {
	length, joined := 0, true
	for i, b := range name {
		switch {
		case b >= 'a' && b <= 'z', b >= '0' && b <= '9' && i > 0:
			length, joined = length+1, false
		case b == '-' && !joined:
			length, joined = length+1, true
		case b == '/' && !joined:
			length, joined = length+2, true
		default:
			return false
		}
	}
	return !joined && length <= 63
}

// identifier is the name of a table in SQL. No two names have the same: an underscore is a hyphen, two are a slash.
func identifier(name string) string {
	if name == "" {
		return rowsTable
	}
	return strings.NewReplacer("-", "_", "/", "__").Replace(name)
}

// table is a table of the database with what is said to it.
type table struct {
	name     string
	from, to []byte // bounds of its keys; nil for rowsTable

	create, get, put, delete string
	scan                     [2][2]string // reverse, with an upper bound
}

func newTable(schema, name string) *table {
	t := &table{name: name}
	if name != "" {
		t.from, t.to = []byte(name+"\x00\x01"), []byte(name+"\x00\x02")
	}
	in := pgx.Identifier{schema, identifier(name)}.Sanitize()
	t.create = "CREATE TABLE IF NOT EXISTS " + in +
		" (key bytea PRIMARY KEY, value bytea NOT NULL, doc jsonb)"
	t.get = "SELECT value FROM " + in + " WHERE key = $1"
	t.delete = "DELETE FROM " + in + " WHERE key = ANY($1::bytea[])"
	// Values go over the wire once; what the database makes of them, it makes itself.
	t.put = "INSERT INTO " + in + " SELECT k, v, CASE WHEN d THEN convert_from(v, 'UTF8')::jsonb END" +
		" FROM unnest($1::bytea[], $2::bytea[], $3::boolean[]) AS rows (k, v, d)" +
		" ON CONFLICT (key) DO UPDATE SET value = excluded.value, doc = excluded.doc"
	for r, order := range []string{"", " DESC"} {
		for b, bound := range []string{"", " AND key < $3"} {
			t.scan[r][b] = fmt.Sprintf("SELECT key, value FROM %s WHERE key >= $2%s ORDER BY key%s LIMIT $1", in, bound, order)
		}
	}
	return t
}

// catalog is the tables that there are. It is not changed once it is published.
type catalog struct {
	rows   *table // rowsTable
	tables map[string]*table
	sorted []*table // by name, without rowsTable
}

func newCatalog(schema string, names []string) *catalog {
	c := &catalog{rows: newTable(schema, ""), tables: map[string]*table{}}
	for _, name := range names {
		t := newTable(schema, name)
		c.tables[name] = t
		c.sorted = append(c.sorted, t)
	}
	slices.SortFunc(c.sorted, func(a, b *table) int { return bytes.Compare(a.from, b.from) })
	return c
}

// names of the tables but rowsTable, and of one more.
func (c *catalog) names(more ...string) []string {
	for _, t := range c.sorted {
		more = append(more, t.name)
	}
	return more
}

// find returns a table, nil if it is not there.
func (c *catalog) find(name string) *table {
	if name == "" {
		return c.rows
	}
	return c.tables[name]
}

// stretch is a part of a scan that lies in one table. Its bounds are keys there; an empty to is the end of the table.
type stretch struct {
	in       *table
	from, to []byte
}

// stretches cuts a range of keys into the tables that it passes through, in the order of keys: the keys of a table
// follow one another without a gap, and those of rowsTable are what is between.
func (c *catalog) stretches(from, to []byte) []stretch {
	var cut []stretch
	between := func(lo, hi []byte) {
		if len(hi) > 0 && bytes.Compare(lo, hi) >= 0 {
			return
		}
		if name, _ := place(lo); name != "" && len(hi) > 0 && bytes.Compare(hi, []byte(name+"\x00\x02")) <= 0 {
			return // keys of a table that is not there
		}
		cut = append(cut, stretch{c.rows, lo, hi})
	}
	lo := from
	for _, t := range c.sorted {
		if bytes.Compare(t.to, from) <= 0 {
			continue
		}
		if len(to) > 0 && bytes.Compare(to, t.from) <= 0 {
			break
		}
		between(lo, t.from)
		s := stretch{in: t}
		if bytes.Compare(from, t.from) > 0 {
			s.from = from[len(t.from):]
		}
		if len(to) == 0 || bytes.Compare(to, t.to) >= 0 {
			cut = append(cut, s)
		} else if s.to = to[len(t.from):]; bytes.Compare(s.from, s.to) < 0 {
			cut = append(cut, s)
		}
		lo = t.to
	}
	between(lo, to)
	return cut
}
