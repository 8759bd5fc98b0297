package secret

import (
	"crypto/subtle"
	"fmt"
)

// DigestSize is the length of a Digest in bytes.
const DigestSize = 32

// Digest is the keyed hash of a secret, made by [Key.Digest]. Digests of one key are equal exactly when their secrets
// are. It is comparable, so it can be a map key; the zero value means "no secret".
type Digest struct {
	redacted
	sum [DigestSize]byte
}

// DigestFrom reads a digest from storage. It errs unless b has DigestSize bytes.
func DigestFrom(b []byte) (Digest, error) {
	var d Digest
	if len(b) != DigestSize {
		return d, fmt.Errorf("reading a digest: %d bytes instead of %d", len(b), DigestSize)
	}
	copy(d.sum[:], b)
	return d, nil
}

// Bytes returns a copy of the digest for storage.
func (d Digest) Bytes() []byte { return d.sum[:] }

// IsZero reports whether d stands for no secret at all.
func (d Digest) IsZero() bool { return d == Digest{} }

// Equal compares in constant time. Use == only where the other side comes from a lookup by digest.
func (d Digest) Equal(other Digest) bool {
	return subtle.ConstantTimeCompare(d.sum[:], other.sum[:]) == 1
}
