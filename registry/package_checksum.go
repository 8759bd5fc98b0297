package registry

import (
	"crypto/sha256"
	"crypto/sha512"
	"fmt"
	"hash"
)

// DefaultChecksum is the algorithm of checksums where none is asked for.
const DefaultChecksum = "SHA256"

// newChecksum begins a checksum, in hexadecimal where it is written. The names are those of ThingsBoard's ChecksumAlgorithm;
// what it has besides (MD5, CRC32, MURMUR3) protects from nothing that SHA256 does not.
func newChecksum(algorithm string) (hash.Hash, error) {
	switch algorithm {
	case "SHA256":
		return sha256.New(), nil
	case "SHA384":
		return sha512.New384(), nil
	case "SHA512":
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("%w: checksum algorithm %.64q; there are SHA256, SHA384 and SHA512", ErrInvalid, algorithm)
}
