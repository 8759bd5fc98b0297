package crashtest_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"testing"

	"github.com/gridtie/gridtie/registry/store/postgres"
)

// addressEnv names a PostgreSQL database; see registry/store/postgres.
const addressEnv = "GRIDTIE_TEST_POSTGRES"

// inSchema is the address of a schema that goes when the test ends.
func inSchema(t *testing.T, dsn, what string, n int) string {
	t.Helper()
	u, err := url.Parse(dsn)
	must(t, err)
	query := u.Query()
	query.Set("search_path", fmt.Sprintf("gridtie_%s_%d_%d", what, os.Getpid(), n))
	u.RawQuery = query.Encode()
	t.Cleanup(func() { must(t, postgres.Drop(context.Background(), u.String(), postgres.Options{})) })
	return u.String()
}
