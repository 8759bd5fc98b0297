// Package secret holds values that cannot be printed by mistake.
//
// Learn three types:
//
//   - [Text] is a secret in clear: a supplier key on its way to its hash, a provisioning secret, a device token. It
//     shows itself as "***" whatever prints or marshals it; [Text.Reveal] is the one way to the clear text.
//   - [Key] is a 32-byte server key. It derives further keys, hashes ([Key.Digest]) and seals ([Key.Seal]).
//   - [Digest] is a keyed hash. It says whether two secrets are the same without saying what they are, may be a map key
//     and may be stored; it shows itself as "***" too.
//
// All three are small values, safe for concurrent use, and live as long as somebody holds them.
//
// # Caveats
//
// Printing goes by reflection where it meets an unexported field, and calls no method there; nor does it for %p, and %w
// outside of fmt.Errorf. Text and Key therefore keep their content inside a function, of which such a print shows the
// address. (Behind a pointer it would show: fmt follows one for a verb that it does not know.) For the same reason the
// two cannot be compared with ==, which would tell length and prefix through time. A Digest must be comparable, hence
// holds its bytes itself, and these rare ways reach them; they disclose nothing without the key.
//
// Memory is not wiped: the Go runtime may have copied a value anyway.
package secret
