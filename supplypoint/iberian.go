package supplypoint

// What CUPS and CPE share: country, sixteen digits, two check letters.
const (
	iberianDigits = 16
	iberianLength = 2 + iberianDigits + 2
)

// checkAlphabet is the table of the Spanish tax number (NIF).
const checkAlphabet = "TRWAGMYFPDXBNJZSQVHLCKE"

// readIberian gives the digits as a number (below 10^16, which no float64 would hold) and the letters as they stand.
func readIberian(c *canonical) (number uint64, letters [2]byte, reason Reason) {
	switch {
	case c.n < iberianLength:
		return 0, letters, ReasonTooShort
	case c.n > iberianLength+2:
		return 0, letters, ReasonTooLong
	}
	for _, b := range c.text[2 : 2+iberianDigits] {
		if !isDigit(b) {
			return 0, letters, ReasonNotDigits
		}
		number = number*10 + uint64(b-'0')
	}
	letters = [2]byte{c.text[iberianLength-2], c.text[iberianLength-1]}
	if !isLetter(letters[0]) || !isLetter(letters[1]) {
		return 0, letters, ReasonNotLetters
	}
	return number, letters, ""
}

// checkLetters returns the letters of the sixteen digits: their remainder by 529 = 23², written to the base of 23.
// The country is no part of it. Because 10 is invertible mod 23 and of order 506 mod 529, every wrong digit and every
// swap of two digits within the sixteen changes the remainder.
func checkLetters(number uint64) [2]byte {
	r := number % 529
	return [2]byte{checkAlphabet[r/23], checkAlphabet[r%23]}
}

func writeIberian(first, second byte, number uint64) canonical {
	c := canonical{n: iberianLength}
	c.text[0], c.text[1] = first, second
	letters := checkLetters(number)
	for i := 1 + iberianDigits; i >= 2; i-- {
		c.text[i] = byte('0' + number%10)
		number /= 10
	}
	c.text[iberianLength-2], c.text[iberianLength-1] = letters[0], letters[1]
	return c
}

func isDigit(b byte) bool { return '0' <= b && b <= '9' }

func isLetter(b byte) bool { return 'A' <= b && b <= 'Z' }
