package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/engine/secret"
)

const clear = "canary-7Qm4-Zr2x"

// values returns one of each type and what of it must never be seen.
func values(t *testing.T) (all map[string]any, forbidden, digestForms []string) {
	t.Helper()
	raw := bytes.Repeat([]byte("K7"), secret.KeySize/2)
	key, err := secret.KeyFrom(raw)
	if err != nil {
		t.Fatal(err)
	}
	text, digest := secret.NewText(clear), key.Digest(clear)
	type nested struct {
		Text   secret.Text
		Digest secret.Digest
		Key    secret.Key
		List   []secret.Text
		Map    map[string]secret.Digest
	}
	type hidden struct {
		text secret.Text
		key  secret.Key
	}
	all = map[string]any{
		"text": text, "text pointer": &text, "digest": digest, "digest pointer": &digest, "key": key, "key pointer": &key,
		"nested": nested{text, digest, key, []secret.Text{text}, map[string]secret.Digest{"a": digest}},
		"hidden": hidden{text, key},
	}
	forbidden = []string{
		clear, hex.EncodeToString([]byte(clear)), string(raw), hex.EncodeToString(raw), strings.Trim(fmt.Sprint(raw), "[]"),
	}
	digestForms = []string{
		string(digest.Bytes()), hex.EncodeToString(digest.Bytes()), strings.Trim(fmt.Sprint(digest.Bytes()), "[]"),
	}
	return all, forbidden, digestForms
}

func TestNothingShowsASecret(t *testing.T) {
	t.Parallel()
	vals, forbidden, digestForms := values(t)
	check := func(t *testing.T, way, out string) {
		t.Helper()
		never := forbidden
		if way != "w" && way != "p" { // see the package's caveats
			never = append(never[:len(never):len(never)], digestForms...)
		}
		for _, f := range never {
			if strings.Contains(strings.ToLower(out), strings.ToLower(f)) {
				t.Errorf("%s: got %q, want no secret in it", way, out)
			}
		}
	}
	for name, v := range vals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, verb := range "vsdqxXtboOcUeEfFgGpTw" {
				for _, flag := range []string{"", "+", "#", " ", "0", "80.40"} {
					check(t, string(verb), fmt.Sprintf("%"+flag+string(verb), v))
				}
			}
			check(t, "Sprint", fmt.Sprint(v)+fmt.Sprintln(v))
			check(t, "error", fmt.Errorf("a: %v", v).Error())

			j, _ := json.Marshal(v)
			check(t, "json", string(j))
			x, _ := xml.Marshal(v)
			check(t, "xml", string(x))
			var g bytes.Buffer
			_ = gob.NewEncoder(&g).Encode(v) // a struct without exported fields is refused
			check(t, "gob", g.String())

			var log bytes.Buffer
			logger := zerolog.New(&log)
			logger.Info().Any("any", v).Interface("interface", v).Str("str", fmt.Sprint(v)).Msg("")
			if s, ok := v.(fmt.Stringer); ok {
				logger.Info().Stringer("stringer", s).Msg("")
			}
			slog.New(slog.NewTextHandler(&log, nil)).Info("a", "v", v)
			slog.New(slog.NewJSONHandler(&log, nil)).Info("a", "v", v)
			check(t, "logs", log.String())
		})
	}
}

func TestShowsStars(t *testing.T) {
	t.Parallel()
	key := secret.NewKey()
	for _, v := range []any{secret.NewText(clear), key, key.Digest(clear)} {
		for _, format := range []string{"%v", "%s", "%q", "%x", "%X", "%d", "%+v", "%#v"} {
			if got := fmt.Sprintf(format, v); got != secret.Redacted {
				t.Errorf("%s of %T: got %q, want %q", format, v, got, secret.Redacted)
			}
		}
		if got, err := json.Marshal(v); err != nil || string(got) != `"***"` {
			t.Errorf("json of %T: got %s, %v, want \"***\"", v, got, err)
		}
	}
}
