package secret_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"regexp"
	"testing"

	"github.com/gridtie/gridtie/engine/secret"
)

func TestText(t *testing.T) {
	t.Parallel()
	a, b := secret.NewText("a key"), secret.NewText("a key")
	if !a.Equal(b) || a.Equal(secret.NewText("a kez")) || a.Equal(secret.Text{}) {
		t.Error("Equal does not tell texts apart")
	}
	if a.Reveal() != "a key" || (secret.Text{}).Reveal() != "" {
		t.Error("Reveal does not give back the text")
	}
	if a.IsZero() || !(secret.Text{}).IsZero() || !secret.NewText("").IsZero() {
		t.Error("IsZero is wrong")
	}

	var read struct{ Key secret.Text }
	if err := json.Unmarshal([]byte(`{"Key":"a key"}`), &read); err != nil || !read.Key.Equal(a) {
		t.Errorf("reading a text: got %v", err)
	}
	written, _ := json.Marshal(read)
	if err := json.Unmarshal(written, &read); err == nil {
		t.Errorf("reading back %s: got no error, want the hidden value refused", written)
	}
}

func TestDigestIsHMAC(t *testing.T) {
	t.Parallel()
	// Computed with: printf 000712 | openssl dgst -sha256 -mac HMAC -macopt hexkey:0101…01 (32 bytes)
	key, err := secret.KeyFrom(bytes.Repeat([]byte{1}, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	want := "4f40e3888543c60a1b23bd9cfdaa1eb0b43c44ae2f2cdb678837aeff37931dd4"
	for range 2 { // the second time with a pooled hash
		if got := hex.EncodeToString(key.Digest("000712").Bytes()); got != want {
			t.Errorf("digest: got %s, want %s", got, want)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	key := secret.NewKey()
	d := key.Digest("000712")
	stored, err := secret.DigestFrom(d.Bytes())
	if err != nil || stored != d || !stored.Equal(d) {
		t.Errorf("digest from storage: got %v, want the same digest", err)
	}
	others := map[string]secret.Digest{
		"other text": key.Digest("712"), "other key": secret.NewKey().Digest("000712"), "zero": {},
		"derived key": key.Derive("a").Digest("000712"), "empty text": key.Digest(""),
	}
	for name, other := range others {
		if d == other || d.Equal(other) {
			t.Errorf("%s: digests are equal, want different ones", name)
		}
	}
	if d.IsZero() || !(secret.Digest{}).IsZero() || key.Digest("").IsZero() {
		t.Error("IsZero is wrong")
	}
	if _, err := secret.DigestFrom(d.Bytes()[1:]); err == nil {
		t.Error("digest of 31 bytes: got no error")
	}
	b := d.Bytes()
	b[0]++
	if d != stored {
		t.Error("Bytes gives access to the digest itself, want a copy")
	}
}

func TestKey(t *testing.T) {
	t.Parallel()
	key := secret.NewKey()
	again, err := secret.KeyFrom(key.Reveal())
	if err != nil || again.Digest("a") != key.Digest("a") {
		t.Errorf("key from storage: got %v, want the same key", err)
	}
	if !bytes.Equal(key.Derive("a").Reveal(), again.Derive("a").Reveal()) {
		t.Error("Derive: got two keys for one purpose")
	}
	if bytes.Equal(key.Derive("a").Reveal(), key.Derive("b").Reveal()) {
		t.Error("Derive: got one key for two purposes")
	}
	if _, err := secret.KeyFrom(make([]byte, 16)); err == nil {
		t.Error("key of 16 bytes: got no error")
	}
	if key.IsZero() || !(secret.Key{}).IsZero() {
		t.Error("IsZero is wrong")
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	key := secret.NewKey()
	plain, aad := []byte("a device token"), []byte("credentials/meter-1")
	sealed, err := key.Seal(plain, aad)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := key.Open(sealed, aad); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("open: got %q, %v, want %q", got, err, plain)
	}
	if second, _ := key.Seal(plain, aad); bytes.Equal(second, sealed) {
		t.Error("seal: got the same bytes twice, want a fresh nonce")
	}
	if bytes.Contains(sealed, plain) {
		t.Error("seal: the plain text shows")
	}
	refused := func(name string, key secret.Key, sealed, aad []byte) {
		t.Helper()
		if _, err := key.Open(sealed, aad); !errors.Is(err, secret.ErrUnsealed) {
			t.Errorf("open, %s: got %v, want ErrUnsealed", name, err)
		}
	}
	refused("other key", secret.NewKey(), sealed, aad)
	refused("other place", key, sealed, []byte("credentials/meter-2"))
	for i := range sealed {
		damaged := bytes.Clone(sealed)
		damaged[i] ^= 1
		refused("flipped bit", key, damaged, aad)
		refused("cut", key, sealed[:i], aad)
	}
}

func TestGenerate(t *testing.T) {
	t.Parallel()
	shape := regexp.MustCompile(`^([2-9A-HJ-NP-Za-km-z]{4}-){6}[2-9A-HJ-NP-Za-km-z]{4}$`)
	token := regexp.MustCompile(`^[0-9A-Za-z]{20}$`)
	seen := map[string]bool{}
	for range 1000 {
		g, k := secret.Generate(160).Reveal(), secret.Token().Reveal()
		if !shape.MatchString(g) || !token.MatchString(k) {
			t.Fatalf("got %q and %q, want groups of four and 20 letters and digits", g, k)
		}
		if seen[g] || seen[k] {
			t.Fatal("got a secret twice")
		}
		seen[g], seen[k] = true, true
	}
	if got := len(secret.Generate(256).Reveal()); got != 11*5-1 {
		t.Errorf("256 bits: got %d characters, want 11 groups", got)
	}
}

func FuzzOpen(f *testing.F) {
	key := secret.NewKey()
	good, _ := key.Seal([]byte("plain"), nil)
	f.Add(good)
	f.Add([]byte{})
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		if _, err := key.Open(sealed, nil); err == nil && !bytes.Equal(sealed, good) {
			t.Error("opened what was never sealed")
		}
	})
}

func BenchmarkDigest(b *testing.B) {
	key := secret.NewKey()
	b.ReportAllocs()
	for b.Loop() {
		key.Digest("7Qm4-Zr2x-7Qm4-Zr2x-7Qm4-Zr2x")
	}
}
