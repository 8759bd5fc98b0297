package postgres_test

import (
	"bytes"
	"context"
	"errors"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// ask runs SQL beside the store, SCHEMA being the test's.
func ask(t *testing.T, dsn, schema, sql string, into ...any) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	sql = strings.ReplaceAll(sql, "SCHEMA", schema)
	if len(into) == 0 {
		_, err = conn.Exec(t.Context(), sql)
	} else {
		err = conn.QueryRow(t.Context(), sql).Scan(into...)
	}
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func opened(t *testing.T, dsn string, o postgres.Options) *postgres.Store {
	t.Helper()
	s, err := postgres.Open(t.Context(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func put(s store.Store, key, value string) error {
	_, err := s.Apply(context.Background(), store.Batch{Puts: []store.Put{{Key: []byte(key), Value: []byte(value)}}})
	return err
}

func get(s store.Store, key string) (value string, err error) {
	_, err = s.View(context.Background(), func(r store.Reader) error {
		v, _, err := r.Get([]byte(key))
		value = string(v)
		return err
	})
	return value, err
}

// TestSQL: an operator finds the registry's tables, with values as documents; values that are none are kept all the same.
func TestSQL(t *testing.T) {
	t.Parallel()
	dsn, schema := database(t)
	s := opened(t, dsn, postgres.Options{Schema: schema})
	for key, value := range map[string]string{
		"device\x00\x01d-1\x00\x01":             `{"name":"m-1", "b":1.0, "a":[1e2]}`,
		"dead-letter/device\x00\x01d-1\x00\x01": `{}`,
		"device\x00\x01d-2\x00\x01":             `{"name":"\u0000"}`,
		"device\x00\x01d-3\x00\x01":             "\x00\xff",
		"elsewhere":                             `{"name":"x"}`,
	} {
		if err := put(s, key, value); err != nil {
			t.Fatal(err)
		}
		if got, err := get(s, key); err != nil || got != value {
			t.Errorf("%q: got %q (%v), want %q", key, got, err, value)
		}
	}
	var name string
	var none, letters, rows int
	ask(t, dsn, schema, `SELECT (SELECT doc->>'name' FROM SCHEMA.device WHERE doc @> '{"a":[100]}'),
		(SELECT count(*) FROM SCHEMA.device WHERE doc IS NULL), (SELECT count(*) FROM SCHEMA.dead_letter__device),
		(SELECT count(*) FROM SCHEMA._rows)`, &name, &none, &letters, &rows)
	if name != "m-1" || none != 2 || letters != 1 || rows != 1 {
		t.Errorf("got name %q, %d without a document, %d dead letters, %d other rows; want m-1, 2, 1, 1", name, none, letters, rows)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestTakenOver: a store that another process has used, or that was put back, is not written any more.
func TestTakenOver(t *testing.T) {
	t.Parallel()
	const cutOff = `; SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted
		AND (classid::bigint << 32 | objid::bigint) = hashtextextended('gridtie store SCHEMA', 0)`
	for _, c := range []struct{ name, sql string }{
		{"owner", `UPDATE SCHEMA._commits SET owner = 'another'`},
		{"owner, cut off", `UPDATE SCHEMA._commits SET owner = 'another'` + cutOff},
		{"put back", `UPDATE SCHEMA._commits SET lsn = lsn - 1`},
		{"put back, cut off", `UPDATE SCHEMA._commits SET lsn = lsn - 1` + cutOff},
		{"put forward, cut off", `UPDATE SCHEMA._commits SET lsn = lsn + 2` + cutOff},
		{"emptied, cut off", `DELETE FROM SCHEMA._commits` + cutOff},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dsn, schema := database(t)
			s := opened(t, dsn, postgres.Options{Schema: schema})
			if err := put(s, "a", "1"); err != nil {
				t.Fatal(err)
			}
			ask(t, dsn, schema, c.sql)
			if err := put(s, "a", "2"); !errors.Is(err, store.ErrFailed) {
				t.Errorf("apply: got %v, want ErrFailed", err)
			}
			<-s.Failed()
			if err := s.Close(); !errors.Is(err, store.ErrFailed) {
				t.Errorf("close: got %v, want ErrFailed", err)
			}
			s = opened(t, dsn, postgres.Options{Schema: schema})
			if got, err := get(s, "a"); err != nil || got != "1" {
				t.Errorf("afterwards: got %q (%v), want 1", got, err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// with adds a parameter to an address.
func with(dsn, parameter string) string {
	switch {
	case !strings.Contains(dsn, "://"):
		return dsn + " " + parameter
	case strings.Contains(dsn, "?"):
		return dsn + "&" + parameter
	}
	return dsn + "?" + parameter
}

// TestCommitsAreFlushed: a role or an address that asks for acknowledgement before the flush does not get it; a weaker
// standby is the operator's choice.
func TestCommitsAreFlushed(t *testing.T) {
	t.Parallel()
	for asked, want := range map[string]string{"off": "on", "local": "local", "on": "on"} {
		dsn, schema := database(t)
		s := opened(t, with(dsn, "synchronous_commit="+asked), postgres.Options{Schema: schema})
		if got, err := s.Setting(t.Context(), "synchronous_commit"); err != nil || got != want {
			t.Errorf("asked for %s: got %s (%v), want %s", asked, got, err, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestNewer: tables of a newer version are left alone.
func TestNewer(t *testing.T) {
	t.Parallel()
	dsn, schema := database(t)
	s := opened(t, dsn, postgres.Options{Schema: schema})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ask(t, dsn, schema, `UPDATE SCHEMA._store SET version = 99`)
	if _, err := postgres.Open(t.Context(), dsn, postgres.Options{Schema: schema}); err == nil || !strings.Contains(err.Error(), "99") {
		t.Errorf("got %v, want an error about version 99", err)
	}
}

// TestViewSurvives: a view whose connection is lost goes on while it can see the same state.
func TestViewSurvives(t *testing.T) {
	t.Parallel()
	dsn, schema := database(t)
	dsn = with(dsn, "application_name="+schema)
	s := opened(t, dsn, postgres.Options{Schema: schema})
	if err := put(s, "a", "1"); err != nil {
		t.Fatal(err)
	}
	cutOff := func() {
		ask(t, dsn, schema, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE application_name = 'SCHEMA' AND pid <> pg_backend_pid()`)
	}
	want := func(r store.Reader) {
		if v, _, err := r.Get([]byte("a")); err != nil || string(v) != "1" {
			t.Errorf("got %q (%v), want 1", v, err)
		}
	}
	_, err := s.View(t.Context(), func(r store.Reader) error {
		want(r)
		cutOff()
		want(r)
		if err := put(s, "a", "2"); err != nil {
			t.Error(err)
		}
		want(r)
		cutOff()
		if _, _, err := r.Get([]byte("a")); err == nil {
			t.Error("a view went on with another state")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if got, err := get(s, "a"); err != nil || got != "2" {
		t.Errorf("afterwards: got %q (%v), want 2", got, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestSilence: a server that takes a commit and does not answer is given up, its session ended, and the commit found.
func TestSilence(t *testing.T) {
	t.Parallel()
	dsn, schema := database(t)
	var mute atomic.Bool
	var log bytes.Buffer
	s, err := postgres.OpenDialing(t.Context(), dsn, postgres.Options{Schema: schema, Patience: 6 * time.Second, Logger: zerolog.New(&log)},
		func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := new(net.Dialer).DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			nothing, _ := net.Pipe()
			return &muted{Conn: conn, nothing: nothing, mute: &mute}, nil
		})
	if err != nil {
		t.Fatal(err)
	}
	if err := put(s, "a", "1"); err != nil {
		t.Fatal(err)
	}
	mute.Store(true)
	if err := put(s, "a", "2"); err != nil {
		t.Error(err)
	}
	if got, err := get(s, "a"); err != nil || got != "2" {
		t.Errorf("got %q (%v), want 2", got, err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	for _, event := range []string{"store_away", "store_back"} {
		if strings.Count(log.String(), event) != 1 {
			t.Errorf("want %s once, logged:\n%s", event, log.String())
		}
	}
}

// muted is a connection from which nothing is heard any more, once mute was true when something was sent.
type muted struct {
	net.Conn
	nothing net.Conn
	mute    *atomic.Bool
	dead    atomic.Bool
}

func (m *muted) Write(p []byte) (int, error) {
	if m.mute.CompareAndSwap(true, false) {
		m.dead.Store(true)
	}
	return m.Conn.Write(p)
}

func (m *muted) Read(p []byte) (int, error) {
	if m.dead.Load() {
		return m.nothing.Read(p)
	}
	return m.Conn.Read(p)
}

func (m *muted) SetDeadline(at time.Time) error {
	return errors.Join(m.nothing.SetDeadline(at), m.Conn.SetDeadline(at))
}

func (m *muted) SetReadDeadline(at time.Time) error {
	return errors.Join(m.nothing.SetReadDeadline(at), m.Conn.SetReadDeadline(at))
}

func (m *muted) Close() error { return errors.Join(m.nothing.Close(), m.Conn.Close()) }
