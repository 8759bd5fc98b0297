package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"sync"
)

// KeySize is the length of a Key in bytes.
const KeySize = 32

// Key is a symmetric key. The zero value is no key: using it panics, as an unset key is a fault of the program.
type Key struct {
	redacted
	state func() *keyState // nil for no key; a function, see the package's caveats
}

type keyState struct {
	raw  [KeySize]byte
	aead cipher.AEAD
	macs sync.Pool // of hash.Hash keyed with raw: keying costs as much as hashing a short text
}

// NewKey returns a random key.
func NewKey() Key {
	var raw [KeySize]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the process instead
	return newKey(raw)
}

// KeyFrom reads a key from storage. It errs unless raw has KeySize bytes; raw is copied.
func KeyFrom(raw []byte) (Key, error) {
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("reading a key: %d bytes instead of %d", len(raw), KeySize)
	}
	return newKey([KeySize]byte(raw)), nil
}

func newKey(raw [KeySize]byte) Key {
	s := &keyState{raw: raw}
	block, err := aes.NewCipher(s.raw[:])
	if err != nil {
		panic(err) // only a wrong length errs
	}
	if s.aead, err = cipher.NewGCMWithRandomNonce(block); err != nil {
		panic(err) // only another block size errs
	}
	s.macs.New = func() any { return hmac.New(sha256.New, s.raw[:]) }
	return Key{state: func() *keyState { return s }}
}

// Reveal returns a copy of the key, for the file or the envelope that it is kept in.
func (k Key) Reveal() []byte { return append([]byte(nil), k.state().raw[:]...) }

// IsZero reports whether no key is set.
func (k Key) IsZero() bool { return k.state == nil }

// Derive returns the key for one purpose (HKDF-SHA-256, RFC 5869, without salt). Keys of different purposes tell
// nothing about each other nor about k, so each use of a server key takes a purpose of its own.
func (k Key) Derive(purpose string) Key {
	raw, err := hkdf.Key(sha256.New, k.state().raw[:], nil, purpose, KeySize)
	if err != nil {
		panic(err) // only a length above 255 hashes errs
	}
	return newKey([KeySize]byte(raw))
}

// Digest returns the keyed hash of text (HMAC-SHA-256).
func (k Key) Digest(text string) Digest {
	macs := &k.state().macs
	mac := macs.Get().(hash.Hash)
	defer macs.Put(mac)
	mac.Reset()
	_, _ = mac.Write([]byte(text))
	var d Digest
	mac.Sum(d.sum[:0])
	return d
}

// ErrUnsealed is returned by Open for anything that Seal did not make with this key and these additional data.
var ErrUnsealed = errors.New("opening a sealed value: wrong key, wrong place or damaged data")

const sealVersion = 1 // first byte of what Seal returns, so that another cipher can follow

// Seal encrypts plain with AES-256-GCM under a random nonce and binds it to aad, which is not stored: give the place
// that the value belongs to (table and row), so that nobody can move it to another. One key is good for 2^32 seals.
func (k Key) Seal(plain, aad []byte) ([]byte, error) {
	aead := k.state().aead
	out := make([]byte, 1, 1+len(plain)+aead.Overhead())
	out[0] = sealVersion
	return aead.Seal(out, nil, plain, aad), nil
}

// Open returns what was sealed, or ErrUnsealed.
func (k Key) Open(sealed, aad []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, ErrUnsealed
	}
	plain, err := k.state().aead.Open(nil, nil, sealed[1:], aad)
	if err != nil {
		return nil, ErrUnsealed
	}
	return plain, nil
}
