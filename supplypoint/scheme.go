package supplypoint

// Scheme names a kind of identifier. It travels with the value, because the text alone does not always tell: fourteen
// digits are a French or an Italian gas point.
type Scheme string

const (
	CUPS Scheme = "cups" // Spain, electricity and gas
	CPE  Scheme = "cpe"  // Portugal, electricity (CPE) and gas (CUI)
)

// Schemes returns all schemes that this package reads.
func Schemes() []Scheme {
	names := make([]Scheme, len(formats))
	for i := range formats {
		names[i] = formats[i].scheme
	}
	return names
}

// format is what a scheme knows about its identifiers. A new scheme is a file with one of these and a line in formats.
// Functions take and return arrays by value: a slice would escape through the indirect call and cost an allocation.
type format struct {
	scheme  Scheme
	country string // the two letters by which Parse recognises it
	level   Level  // what a text that passes has reached
	length  uint8  // without suffix

	// read checks a canonical text. The number and the suffix are the whole identifier, in the scheme's own packing.
	read func(canonical) (number uint64, suffix [2]byte, reason Reason)
	// write gives the canonical text of a number that read gave, without suffix.
	write func(number uint64) canonical

	distributor [2]int // where the distributor's code begins and ends
	shown       [2]int // how many leading and trailing characters a mask shows
}

// formats is never written to. A Point holds the position in it plus one, so that the zero Point has no scheme.
var formats = [...]format{cupsFormat, cpeFormat}

// codeOf returns 0 for an unknown scheme.
func codeOf(s Scheme) uint8 {
	for i := range formats {
		if formats[i].scheme == s {
			return uint8(i + 1)
		}
	}
	return 0
}

// codeByCountry returns 0 if no scheme begins like c.
func codeByCountry(c *canonical) uint8 {
	for i := range formats {
		if c.hasPrefix(formats[i].country) {
			return uint8(i + 1)
		}
	}
	return 0
}
