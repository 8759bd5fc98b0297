package supplypoint

import "strconv"

// Synthetic returns the CUPS number n of a distributor, with the right check letters. It is for tests, demonstrations
// and simulators, which must not use the numbers of real points; small n are unlikely to have been issued, but nothing
// keeps them from it.
//
// The distributor must be four digits and n below 10^12; everything else gives the zero Point.
func Synthetic(distributor string, n uint64) Point {
	if len(distributor) != 4 || n >= 1e12 {
		return Point{}
	}
	for i := range len(distributor) {
		if !isDigit(distributor[i]) {
			return Point{}
		}
	}
	company, err := strconv.ParseUint(distributor, 10, 16)
	if err != nil {
		return Point{}
	}
	return Point{sealed: (company*1e12 + n) ^ seal, code: codeOf(CUPS)}
}
