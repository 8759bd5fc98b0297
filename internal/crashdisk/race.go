//go:build race

package crashdisk

// Thinner is by how much fewer crashes are to be examined: the race detector makes an examination many times as dear, and sees
// the same code run in each of them.
const Thinner = 6
