package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/gridtie/gridtie/registry/store"
)

// session is the connection that writes. It holds the lock of the store.
type session struct {
	conn  *pgx.Conn
	begun time.Time // with the number of its process, what names it in the server
}

// connect opens a session and looks whether the server can be trusted with a store.
func connect(ctx context.Context, config *pgx.ConnConfig) (_ *session, err error) {
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, err
	}
	s := &session{conn: conn}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	var fsync, commit, encoding string
	err = conn.QueryRow(ctx, `SELECT current_setting('fsync'), current_setting('synchronous_commit'),
current_setting('server_encoding'), backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()`).
		Scan(&fsync, &commit, &encoding, &s.begun)
	switch {
	case err != nil:
		return nil, err
	case fsync != "on":
		return nil, final{errors.New("the server's setting fsync is off: what it acknowledges is not on disk")}
	case encoding != "UTF8":
		return nil, final{fmt.Errorf("the database's encoding is %q, want UTF8", encoding)}
	}
	if commit == "off" { // all other values wait at least for the server's own disk
		if _, err := conn.Exec(ctx, "SET synchronous_commit = on"); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// lingering is how long a server may take to notice that the process which held the lock has died.
const lingering = time.Second

// lock takes the lock of a store; ErrLocked if somebody has it.
func (s *session) lock(ctx context.Context, schema string) error {
	for waited := time.Duration(0); ; {
		var got bool
		err := s.conn.QueryRow(ctx, `SELECT pg_try_advisory_lock(hashtextextended($1, 0))`, "gridtie store "+schema).Scan(&got)
		if err != nil || got {
			return err
		}
		if waited >= lingering {
			return store.ErrLocked
		}
		const pause = 20 * time.Millisecond
		if err := sleep(ctx, pause); err != nil {
			return err
		}
		waited += pause
	}
}

// end ends another session of ours if it is still there: one whose connection is broken may hold the lock for long.
func (s *session) end(ctx context.Context, other *session) error {
	_, err := s.conn.Exec(ctx, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = $1 AND backend_start = $2`,
		other.conn.PgConn().PID(), other.begun)
	return err
}

// close ends the session and waits until nothing of it is left in this process.
func (s *session) close() error { return hangUp(s.conn) }

// hangUp closes a connection, broken or not.
func hangUp(conn *pgx.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	broken := conn.IsClosed()
	if broken {
		_ = conn.PgConn().Conn().Close() // pgx would hear it out, for up to 15 seconds
	}
	err := conn.Close(ctx)
	<-conn.PgConn().CleanupDone()
	if broken {
		return nil
	}
	return err
}

// sleep waits, or not so long if ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// lastAnswer is how long a server may take to answer when nobody waits for it any longer.
const lastAnswer = 2 * time.Second

// once bounds one attempt: a server that does not answer may be the wrong one by now.
func (s *Store) once(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, s.opts.silence())
	stop := context.AfterFunc(s.waits, func() {
		_ = sleep(ctx, lastAnswer)
		cancel()
	})
	return ctx, func() {
		stop()
		cancel()
	}
}

// pause waits before another attempt, and errs if there is to be none.
func (s *Store) pause(ctx context.Context, d time.Duration) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(s.waits, cancel)()
	return sleep(ctx, d)
}

// resume opens a session in place of a lost one, and returns the newest state that the database has. When it returns
// without an error nothing of the lost session can take effect any more, and the state is as durable as any commit.
func (s *Store) resume(ctx context.Context) (_ *session, newest store.LSN, err error) {
	now, err := connect(ctx, s.config)
	if err != nil {
		return nil, 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, now.close())
		}
	}()
	if err := now.end(ctx, s.lost); err != nil {
		return nil, 0, err
	}
	if err := now.lock(ctx, s.opts.Schema); err != nil {
		return nil, 0, err // ErrLocked is no answer yet: the lost session may be flushing
	}
	// A standby that the server waits for has what came before, once it has this.
	if _, err := now.conn.Exec(ctx, s.sql.resume); err != nil {
		return nil, 0, err
	}
	var owner string
	if err := now.conn.QueryRow(ctx, s.sql.last).Scan(&newest, &owner); errors.Is(err, pgx.ErrNoRows) {
		return nil, 0, final{errTaken}
	} else if err != nil {
		return nil, 0, err
	}
	if owner != s.owner {
		return nil, 0, final{errTaken}
	}
	return now, newest, nil
}

var errTaken = errors.New("another process has used the store meanwhile")
