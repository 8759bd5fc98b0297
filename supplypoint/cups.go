package supplypoint

// cupsFormat is the Código Universal del Punto de Suministro: ES, four digits of the distributor that issued it, twelve
// digits of its own, two check letters, and optionally the border point: a digit and a letter (F border point,
// P principal, R redundant, C check, X Y Z registering). Structure: resolution of the Secretary of State for Energy of
// 16 November 2009. Gas messages always have 20 characters, electricity 20 or 22.
//
// Any letter is taken for the border point, not only the seven: it is no part of the identity, and a point must not be
// refused for a kind that we have not heard of.
var cupsFormat = format{
	scheme:      CUPS,
	country:     "ES",
	level:       LevelChecksum,
	length:      iberianLength,
	read:        readCUPS,
	write:       func(number uint64) canonical { return writeIberian('E', 'S', number) },
	distributor: [2]int{2, 6},
	shown:       [2]int{6, 3},
}

func readCUPS(c canonical) (number uint64, suffix [2]byte, reason Reason) {
	switch c.n {
	case iberianLength + 1:
		return 0, suffix, ReasonLength
	case iberianLength + 2:
		suffix = [2]byte{c.text[iberianLength], c.text[iberianLength+1]}
	}
	number, letters, reason := readIberian(&c)
	if reason != "" {
		return 0, suffix, reason
	}
	// Before the check letters: a text with a broken suffix has not the format, whatever its letters.
	if suffix != [2]byte{} && (!isDigit(suffix[0]) || !isLetter(suffix[1])) {
		return 0, suffix, ReasonSuffix
	}
	if letters != checkLetters(number) {
		return 0, suffix, ReasonCheckLetters
	}
	return number, suffix, ""
}
