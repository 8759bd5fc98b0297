package supplypoint

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
)

// MinFingerprintKey is the least length of a fingerprint key in bytes. Use 32 random ones.
const MinFingerprintKey = 16

var fingerprintText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Fingerprint returns a pseudonym of the supply point for logs and traces: "sp_" and 26 characters, the first 16 bytes
// of an HMAC-SHA-256 over scheme and ID. The same key gives the same supply point, with whatever suffix, the same
// pseudonym; another key gives another.
//
// A plain hash would not do. A distributor has only 10^12 numbers and the check letters follow from them, so whoever
// reads the hash in a log tries them all in minutes. The key stops that as long as it stays secret.
//
// The zero Point gives "", and so does a key shorter than [MinFingerprintKey]: no pseudonym is better than a weak one.
func Fingerprint(key []byte, p Point) string {
	if p.code == 0 || len(key) < MinFingerprintKey {
		return ""
	}
	c := p.canonical()
	mac := hmac.New(sha256.New, key)
	// The label keeps these values apart from whatever else the same key may serve for. A hash never fails to write.
	_, _ = mac.Write([]byte("gridtie supply point 1\x00" + string(p.Scheme()) + "\x00"))
	_, _ = mac.Write(c.text[:c.n])
	return "sp_" + fingerprintText.EncodeToString(mac.Sum(nil)[:16])
}
