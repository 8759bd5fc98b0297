//go:build !race

package crashdisk

// Thinner is by how much fewer crashes are to be examined: all are, without the race detector.
const Thinner = 1
