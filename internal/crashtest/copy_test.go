package crashtest_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gridtie/gridtie/registry/store/postgres"
)

// TestCopyKilled kills gridtie copy at random moments, from a folder into a folder and, if there is a database, into
// that. What is left must never be taken for a whole store, and the next copy must make one.
func TestCopyKilled(t *testing.T) {
	t.Parallel()
	rng := seeded(t)
	program, _ := build(t)
	source := filepath.Join(t.TempDir(), "source")
	gridtie := func(args ...string) (string, error) {
		out, err := exec.Command(program, args...).CombinedOutput()
		return string(out), err
	}
	if out, err := gridtie("demo", "--meters", "600", "--data", source); err != nil {
		t.Fatalf("filling the source: %v\n%s", err, out)
	}
	key, err := os.ReadFile(filepath.Join(source, "server.key"))
	must(t, err)
	listed := func(place, data string) (string, error) {
		cmd := exec.Command(program, "outcomes", "list", "--limit", "1000", "--json", "--data", data)
		cmd.Env = append(os.Environ(), "GRIDTIE_STORE="+place)
		var out, said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &said
		err := cmd.Run()
		return out.String() + said.String(), err
	}
	want, err := listed("", source)
	must(t, err)

	for _, database := range []bool{false, true} {
		name := "folder"
		if database {
			name = "database"
		}
		t.Run(name, func(t *testing.T) {
			dsn := os.Getenv(addressEnv)
			if database && dsn == "" {
				t.Skipf("no database: set %s to postgres://USER@HOST:PORT/DATABASE", addressEnv)
			}
			halves, wholes := 0, 0
			for round := range *rounds + 3 {
				data := filepath.Join(t.TempDir(), "target")
				to, place := data, ""
				if database {
					place = inSchema(t, dsn, "copy", round)
					to = place
				}
				for range 3 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(20+rng.IntN(250))*time.Millisecond)
					_ = exec.CommandContext(ctx, program, "copy", "--from", source, "--to", to).Run() // SIGKILL at the end
					cancel()
					must(t, os.MkdirAll(data, 0o700))
					must(t, os.WriteFile(filepath.Join(data, "server.key"), key, 0o600))
					switch got, err := listed(place, data); {
					case err == nil && got == want:
						wholes++
					case err != nil && strings.Contains(got, "unfinished copy"):
						halves++
					case err == nil && strings.Contains(got, `"outcomes": []`):
						// It was killed before it began, and the command has made a registry in the empty store.
						if database {
							must(t, postgres.Drop(context.Background(), place, postgres.Options{}))
						} else {
							must(t, os.RemoveAll(data))
						}
						continue
					default:
						t.Fatalf("after a kill: %v\n%.500s", err, got)
					}
					if err == nil {
						break
					}
				}
				if out, err := gridtie("copy", "--from", source, "--to", to); err != nil && !strings.Contains(out, "not empty") {
					t.Fatalf("copying at last: %v\n%s", err, out)
				}
				must(t, os.MkdirAll(data, 0o700))
				must(t, os.WriteFile(filepath.Join(data, "server.key"), key, 0o600))
				if got, err := listed(place, data); err != nil || got != want {
					t.Errorf("the copy differs: %v\n%.500s", err, got)
				}
			}
			t.Logf("found whole %d times, half a copy %d times", wholes, halves)
			if halves == 0 {
				t.Log("no kill hit a copy under way")
			}
		})
	}
}
