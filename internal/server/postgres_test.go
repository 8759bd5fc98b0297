package server_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/internal/server"
	"github.com/gridtie/gridtie/registry/store/postgres"
)

// addressEnv names a PostgreSQL database in which the tests' servers then keep their stores, each in a schema of its own.
const addressEnv = "GRIDTIE_TEST_POSTGRES"

var (
	databases sync.Map // data folder → address
	schemas   atomic.Int64
)

// databaseOf is the database of a data folder: none without addressEnv, or where a test gives a file system.
func databaseOf(t testing.TB, o server.Options) secret.Text {
	t.Helper()
	dsn := os.Getenv(addressEnv)
	if dsn == "" || o.FS != nil {
		return secret.Text{}
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatalf("%s is no URL", addressEnv)
	}
	query := u.Query()
	query.Set("search_path", fmt.Sprintf("gridtie_server_%d_%d", os.Getpid(), schemas.Add(1)))
	u.RawQuery = query.Encode()
	at, there := databases.LoadOrStore(o.Data, u.String())
	if !there {
		t.Cleanup(func() {
			if err := postgres.Drop(context.Background(), u.String(), postgres.Options{}); err != nil {
				t.Error(err)
			}
		})
	}
	return secret.NewText(at.(string))
}
