package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"

	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// addressEnv names the database in which these tests make, and drop, schemas of their own.
const addressEnv = "GRIDTIE_TEST_POSTGRES"

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// schemas counts the schemas of this process.
var schemas atomic.Int64

// database returns the address of the test's database and a schema that is dropped when the test ends.
func database(tb testing.TB) (dsn, schema string) {
	tb.Helper()
	dsn = os.Getenv(addressEnv)
	if dsn == "" {
		tb.Skipf("no database: set %s to postgres://USER@HOST:PORT/DATABASE to run this test", addressEnv)
	}
	schema = fmt.Sprintf("gridtie_test_%d_%d", os.Getpid(), schemas.Add(1))
	tb.Cleanup(func() {
		if err := postgres.Drop(context.Background(), dsn, postgres.Options{Schema: schema}); err != nil {
			tb.Error(err)
		}
	})
	return dsn, schema
}

type opener struct {
	dsn  string
	opts postgres.Options
}

func (o opener) Open() (store.Store, error) {
	s, err := postgres.Open(context.Background(), o.dsn, o.opts)
	if err != nil {
		return nil, err
	}
	return s, nil
}

func TestLocked(t *testing.T) {
	t.Parallel()
	dsn, schema := database(t)
	o := opener{dsn, postgres.Options{Schema: schema}}
	s, err := o.Open()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Open(); !errors.Is(err, store.ErrLocked) {
		t.Errorf("opened twice: got %v, want ErrLocked", err)
	}
	if err := postgres.Drop(t.Context(), dsn, o.opts); !errors.Is(err, store.ErrLocked) {
		t.Errorf("dropped while open: got %v, want ErrLocked", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestPasswordIsKept: whatever is wrong with an address, no error shows the password in it.
func TestPasswordIsKept(t *testing.T) {
	t.Parallel()
	const password = "pa55-w0rd"
	for _, dsn := range []string{
		"postgres://u:" + password + "@127.0.0.1:1/db",
		"postgres://u:" + password + "@127.0.0.1:port/db",
		"postgres://u:" + password + "%zz@127.0.0.1:1/db",
		"postgres://u:" + password + "@127.0.0.1:1/db?sslmode=perhaps",
		"postgres://127.0.0.1:1/db?user=u&password=" + password + "&sslrootcert=/absent",
		"host=127.0.0.1 port=1 user=u password=" + password,
		"host=127.0.0.1 port=1 user=u password = '" + password + "' sslmode=perhaps",
		"mysql://u:" + password + "@127.0.0.1:1/db",
		"u:" + password + "@127.0.0.1",
	} {
		_, err := postgres.Open(t.Context(), dsn, postgres.Options{})
		if err == nil {
			t.Errorf("%s was opened", strings.ReplaceAll(dsn, password, "***"))
			continue
		}
		for e := err; e != nil; e = errors.Unwrap(e) {
			if text := fmt.Sprintf("%v %+v", e, e); strings.Contains(text, password) {
				t.Errorf("the error shows the password: %s", text)
			}
		}
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	for _, schema := range []string{"Gridtie", "a b", `a"b`, "1a", strings.Repeat("a", 64)} {
		if _, err := postgres.Open(t.Context(), "", postgres.Options{Schema: schema}); err == nil || !strings.Contains(err.Error(), "schema") {
			t.Errorf("schema %q: got %v, want an error about it", schema, err)
		}
	}
}
