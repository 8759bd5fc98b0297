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
	defer s.gate.leave()
	if err := s.readers.enter(ctx); err != nil {
		return 0, err
	}
	defer s.readers.leave()
	r, err := s.begin(ctx)
	if err != nil {
		return 0, err
	}
	defer s.end(r)
	return store.LSN(r.at), fn(r)
}

// begin opens a view, again and again while the server is away: nothing has been read yet.
func (s *Store) begin(ctx context.Context) (*reader, error) {
	patience, cancel := context.WithTimeout(ctx, s.opts.Patience)
	defer cancel()
	for pause := firstPause; ; pause = min(2*pause, longestPause) {
		r, err := s.snapshot(patience, ctx)
		switch {
		case err == nil:
			s.log.back()
			return r, nil
		case ctx.Err() != nil:
			return nil, ctx.Err()
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
		if sleep(patience, pause) != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			s.fail(fmt.Errorf("%w for more than %s: %w", errAway, s.opts.Patience, plain(err)))
			return nil, s.Err()
		}
	}
}

// snapshot begins a transaction and asks which state it shows. ctx bounds this, view is the life of the reader.
func (s *Store) snapshot(ctx, view context.Context) (_ *reader, err error) {
	acknowledged := s.Synced()
	conn, err := s.readers.take(ctx)
	if err != nil {
		return nil, judge(err)
	}
	defer func() {
		if err != nil {
			s.readers.drop(conn)
		}
	}()
	var b pgx.Batch
	b.Queue("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
	b.Queue(s.sql.last)
	answers := conn.SendBatch(ctx, &b)
	var at store.LSN
	var owner string
	_, err = answers.Exec()
	if err == nil {
		err = answers.QueryRow().Scan(&at, &owner)
	}
	if cerr := answers.Close(); err == nil {
		err = cerr
	}
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, final{errTaken}
	case err != nil:
		return nil, judge(err)
	case owner != s.owner:
		return nil, final{errTaken}
	case at < acknowledged:
		// A server that is not the first any more, or a standby.
		return nil, fmt.Errorf("the server asked shows state %d, where %d is acknowledged", at, acknowledged)
	case at > s.Applied():
		return nil, final{fmt.Errorf("the database is in state %d, which nobody has made", at)}
	}
	// Asked for after the snapshot, so that it names every table of which the snapshot shows a row.
	return &reader{ctx: view, conn: conn, at: store.Stamp(at), catalog: s.catalog.Load()}, nil
}

// end closes a view.
func (s *Store) end(r *reader) {
	conn := r.conn
	r.conn = nil
	if !conn.IsClosed() {
		ctx, cancel := context.WithTimeout(context.Background(), s.opts.Patience)
		defer cancel()
		if _, err := conn.Exec(ctx, "ROLLBACK"); err == nil {
			s.readers.put(conn)
			return
		}
	}
	s.readers.drop(conn)
}

// reader reads one state over a connection of its own.
type reader struct {
	ctx     context.Context // of the view, whose life the reader shares
	conn    *pgx.Conn       // nil when the view is over
	at      store.Stamp
	catalog *catalog
}

func (r *reader) At() store.Stamp { return r.at }

func (r *reader) Get(key []byte) (value []byte, ok bool, err error) {
	if r.conn == nil {
		return nil, false, errOver
	}
	name, rest := place(key)
	t := r.catalog.find(name)
	if t == nil {
		return nil, false, nil
	}
	if rest == nil {
		rest = []byte{} // nil would be NULL
	}
	err = r.conn.QueryRow(r.ctx, t.get, rest).Scan(&value)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("reading a row: %w", r.plain(err))
	}
	return value, true, nil
}

// plain prefers what the context says: it is why the connection erred.
func (r *reader) plain(err error) error {
	if cause := r.ctx.Err(); cause != nil {
		return cause
	}
	return plain(err)
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
	if r.conn == nil {
		return nil, errOver
	}
	rows, err := r.conn.Query(r.ctx, t.scan[reverse][bound], args...)
	if err != nil {
		return nil, fmt.Errorf("scanning rows: %w", r.plain(err))
	}
	defer rows.Close()
	page = make([]store.Row, 0, size)
	for rows.Next() {
		// As they came, not through a decoder: both columns are bytea, in binary.
		raw := rows.RawValues()
		buf := make([]byte, 0, len(t.from)+len(raw[0])+len(raw[1]))
		buf = append(append(buf, t.from...), raw[0]...)
		n := len(buf)
		buf = append(buf, raw[1]...)
		page = append(page, store.Row{Key: buf[:n:n], Value: buf[n:]})
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("scanning rows: %w", r.plain(err))
	}
	return page, nil
}

var errOver = errors.New("the reader's view is over")
