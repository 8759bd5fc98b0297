package supplypoint

// cpeFormat is the Portuguese Código do Ponto de Entrega (electricity) and Código Universal da Instalação (gas): PT and
// otherwise a CUPS of 20 characters, with the same check letters and without border point.
var cpeFormat = format{
	scheme:      CPE,
	country:     "PT",
	level:       LevelChecksum,
	length:      iberianLength,
	read:        readCPE,
	write:       func(number uint64) canonical { return writeIberian('P', 'T', number) },
	distributor: [2]int{2, 6},
	shown:       [2]int{6, 3},
}

func readCPE(c canonical) (number uint64, suffix [2]byte, reason Reason) {
	if c.n > iberianLength {
		return 0, suffix, ReasonTooLong
	}
	number, letters, reason := readIberian(&c)
	if reason == "" && letters != checkLetters(number) {
		reason = ReasonCheckLetters
	}
	return number, suffix, reason
}
