package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/gridtie/gridtie/registry/store"
)

// View calls fn with one snapshot.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) (store.LSN, error) {
	if err := s.enter(ctx); err != nil {
		return 0, err
	}
	defer s.gate.Leave()
	if err := s.readers.enter(ctx); err != nil {
		return 0, err
	}
	defer s.readers.leave()
	r, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { s.end(r) }()
	err = fn(r)
	return store.LSN(r.at), err
}

// begin opens a view, again and again while the server is away: nothing has been read yet.
func (s *Store) begin(ctx context.Context) (*reader, error) {
	patience, cancel := s.opts.patience(ctx)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		r, err := s.snapshot(patience, ctx)
		switch {
		case err == nil:
			s.log.back()
			return r, nil
		case ctx.Err() != nil:
			return nil, s.given(ctx)
		case isFinal(err):
			s.fail(plain(err))
			return nil, s.Err()
		}
		s.log.away(plain(err))
		s.readers.clear()
		select {
		case <-s.failed:
			return nil, s.err
		default:
		}
		if s.pause(patience, pause) != nil {
			if ctx.Err() != nil {
				return nil, s.given(ctx)
			}
			s.fail(fmt.Errorf("%w: %w", errGone, plain(err)))
			return nil, s.Err()
		}
	}
}

// given is why a call was given up whose context has ended: also because the server is away, if it is.
func (s *Store) given(ctx context.Context) error {
	if s.Away() != nil {
		return fmt.Errorf("%w: %w", store.ErrAway, ctx.Err())
	}
	return ctx.Err()
}

// snapshot takes a transaction that is open, or begins one and asks which state it shows. ctx bounds this, view is the
// life of the reader.
func (s *Store) snapshot(ctx, view context.Context) (*reader, error) {
	ctx, cancel := s.once(ctx)
	defer cancel()
	acknowledged := s.Synced()
	c, open, err := s.readers.take(ctx, acknowledged)
	if err != nil {
		return nil, judge(err)
	}
	if !open {
		if err := s.look(ctx, c, acknowledged); err != nil {
			s.readers.drop(c)
			return nil, err
		}
		s.readers.saw(c.at)
	}
	// Asked for after the snapshot, so that it names every table of which the snapshot shows a row.
	return &reader{ctx: view, store: s, reading: c, conn: c.conn, at: store.Stamp(c.at), catalog: s.catalog.Load()}, nil
}

// look begins a transaction in place of the one that is open, if any.
func (s *Store) look(ctx context.Context, c *reading, acknowledged store.LSN) error {
	var b pgx.Batch
	if c.at != 0 {
		b.Queue("ROLLBACK")
	}
	b.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	b.Queue(s.sql.last)
	c.at, c.begun = 0, s.readers.ticks.Load()
	var at store.LSN
	var owner string
	answers := c.conn.SendBatch(ctx, &b)
	err := func() error {
		for range b.Len() - 1 {
			if _, err := answers.Exec(); err != nil {
				return err
			}
		}
		return answers.QueryRow().Scan(&at, &owner)
	}()
	if cerr := answers.Close(); err == nil {
		err = cerr
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return final{errTaken}
	case err != nil:
		return judge(err)
	case owner != s.owner:
		return final{errTaken}
	case at < acknowledged:
		// A server that is not the first any more, or a standby.
		return fmt.Errorf("the server asked shows state %d, where %d is acknowledged", at, acknowledged)
	case at > s.Applied():
		return final{fmt.Errorf("the database is in state %d, which nobody has made", at)}
	}
	c.at = at
	return nil
}

// end closes a view. An error, such as a row that could not be read, leaves its transaction of no use.
func (s *Store) end(r *reader) {
	r.conn = nil
	if c := r.reading; c.conn.IsClosed() || c.conn.PgConn().TxStatus() != 'T' {
		s.readers.drop(c)
	} else {
		s.readers.put(c)
	}
}

// reader reads one state over a connection of its own.
type reader struct {
	ctx     context.Context // of the view, whose life the reader shares
	store   *Store
	reading *reading
	conn    *pgx.Conn // of reading, nil when the view is over
	at      store.Stamp
	used    bool // something has been told of this state
	catalog *catalog
}

func (r *reader) At() store.Stamp {
	r.used = true
	return r.at
}

// ask calls read, and once more after each connection lost, as long as that leaves the view with the same state: a
// number stands for one state exactly, and a reader of which nothing is known yet may take any.
func (r *reader) ask(read func() error) error {
	for {
		if r.conn == nil {
			return errOver
		}
		err := read()
		if err == nil || errors.Is(err, pgx.ErrNoRows) {
			r.used = true
			return err
		}
		if r.ctx.Err() != nil {
			return r.store.given(r.ctx) // why the connection erred
		}
		if !r.conn.IsClosed() {
			return plain(err)
		}
		if !r.renew() {
			return away(err)
		}
	}
}

// renew continues the view over another connection, if it can.
func (r *reader) renew() bool {
	r.store.readers.clear() // open transactions of the same server
	now, err := r.store.begin(r.ctx)
	if err != nil {
		return false
	}
	if r.used && now.at != r.at {
		r.store.end(now)
		return false
	}
	r.store.readers.drop(r.reading)
	r.reading, r.conn, r.at, r.catalog = now.reading, now.conn, now.at, now.catalog
	return true
}

func (r *reader) Get(key []byte) (value []byte, ok bool, err error) {
	name, rest := place(key)
	if rest == nil {
		rest = []byte{} // nil would be NULL
	}
	err = r.ask(func() error {
		t := r.catalog.find(name)
		if t == nil {
			return pgx.ErrNoRows // no such table in this state
		}
		return r.conn.QueryRow(r.ctx, t.get, rest).Scan(&value)
	})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("reading a row: %w", err)
	}
	return value, true, nil
}

func (r *reader) Scan(from, to []byte) iter.Seq2[store.Row, error] { return r.scan(from, to, 0) }

func (r *reader) ScanReverse(from, to []byte) iter.Seq2[store.Row, error] { return r.scan(from, to, 1) }

func (r *reader) scan(from, to []byte, reverse int) iter.Seq2[store.Row, error] {
	return func(yield func(store.Row, error) bool) {
		if err := r.rows(from, to, reverse, yield); err != nil {
			yield(store.Row{}, err)
		}
	}
}

// rows yields the rows until the end, an error, or until yield has had enough.
func (r *reader) rows(from, to []byte, reverse int, yield func(store.Row, error) bool) error {
	if r.conn == nil {
		return errOver
	}
	parts := r.catalog.stretches(from, to)
	for i := range parts {
		part := parts[i]
		if reverse == 1 {
			part = parts[len(parts)-1-i]
		}
		if more, err := r.stretch(part, reverse, yield); !more || err != nil {
			return err
		}
	}
	return nil
}

// Rows are fetched a page at a time: few at first, since most scans want few, and a page is done with when the next one
// is asked for, so that other reads can come in between.
const (
	firstPage   = 16
	largestPage = 512
)

// stretch yields rows of one table, and tells whether yield wants more.
func (r *reader) stretch(part stretch, reverse int, yield func(store.Row, error) bool) (more bool, err error) {
	from, to := part.from, part.to
	if from == nil {
		from = []byte{} // nil would be NULL
	}
	for size := firstPage; ; size = min(4*size, largestPage) {
		page, err := r.page(part.in, reverse, size, from, to)
		if err != nil {
			return false, err
		}
		for _, row := range page {
			if err := r.ctx.Err(); err != nil {
				return false, err
			}
			if !yield(row, nil) {
				return false, nil
			}
		}
		if len(page) < size {
			return true, nil
		}
		last := page[len(page)-1].Key[len(part.in.from):]
		if reverse == 1 {
			to = last
			if len(to) == 0 {
				return true, nil // an empty bound would be none, and nothing comes before the empty key
			}
		} else {
			from = append(last[:len(last):len(last)], 0)
		}
	}
}

func (r *reader) page(t *table, reverse, size int, from, to []byte) (page []store.Row, err error) {
	args, bound := []any{size, from}, 0
	if len(to) > 0 {
		args, bound = append(args, to), 1
	}
	err = r.ask(func() error {
		page = make([]store.Row, 0, size)
		rows, err := r.conn.Query(r.ctx, t.scan[reverse][bound], args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			// As they came, not through a decoder: both columns are bytea, in binary.
			raw := rows.RawValues()
			buf := make([]byte, 0, len(t.from)+len(raw[0])+len(raw[1]))
			buf = append(append(buf, t.from...), raw[0]...)
			n := len(buf)
			buf = append(buf, raw[1]...)
			page = append(page, store.Row{Key: buf[:n:n], Value: buf[n:]})
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("scanning rows: %w", err)
	}
	return page, nil
}

var errOver = errors.New("the reader's view is over")
