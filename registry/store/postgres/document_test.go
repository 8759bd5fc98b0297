package postgres

import (
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func documents() map[string]bool {
	return map[string]bool{
		`{}`: true, `[]`: true, `null`: true, `"a"`: true, "\t{\"a\": [1, -2.5e3, true]}\n": true,
		`"\u00e9\n\"\\"`: true, `"\ud83d\ude00"`: true, `{"a":1,"a":2}`: true, `1e999`: true, `1e-999`: true,
		``: false, `{`: false, `x`: false, "\x00": false, "\"\xff\"": false,
		`"\u0000"`: false, `"a\u0000"`: false, `"\\u0000"`: true, `"\ud800"`: false, `"\ud800x"`: false,
		`"\ude00"`: false, `"\ud83d\u0041"`: false, `"\ud83d\ud83d"`: false,
		`1e9999`: false, `[1E+12345]`: false, `1E-0999`: false, strings.Repeat("1", 101): false,
		strings.Repeat("[", 256) + strings.Repeat("]", 256): true,
		strings.Repeat("[", 257) + strings.Repeat("]", 257): false,
	}
}

func TestDocument(t *testing.T) {
	t.Parallel()
	for value, want := range documents() {
		if got := document([]byte(value)); got != want {
			t.Errorf("%.40q: got %t, want %t", value, got, want)
		}
	}
}

// FuzzDocument asks the database, if there is one, whether it takes what is said to be a document.
func FuzzDocument(f *testing.F) {
	for value := range documents() {
		f.Add([]byte(value))
	}
	var conn *pgx.Conn
	if dsn := os.Getenv("GRIDTIE_TEST_POSTGRES"); dsn != "" {
		var err error
		if conn, err = pgx.Connect(f.Context(), dsn); err != nil {
			f.Fatal(err)
		}
		defer conn.Close(f.Context())
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		if !document(value) || conn == nil {
			return
		}
		var text string
		if err := conn.QueryRow(t.Context(), `SELECT convert_from($1, 'UTF8')::jsonb::text`, value).Scan(&text); err != nil {
			t.Errorf("%q: %v", value, err)
		}
	})
}
