package demo

import (
	"fmt"
	"strings"
)

// forms is how many ways there are to write what a meter sends. They are those of the field: the names that the default
// profile knows, one of them misspelt, and JSON as a POSIX shell leaves it when the quotes were forgotten.
const forms = 4

// payload is the message that brings supplier key and supply point together.
func (p *plan) payload(m *meter) string {
	keyName, pointName := names(m.form)
	key, cups := p.keyOf(m), cupsOf(m)
	switch {
	case m.fault == noKey:
		return fmt.Sprintf(`{%q: %q}`, pointName, cups)
	case m.fault == noPoint:
		return fmt.Sprintf(`{%q: %q}`, keyName, key)
	case m.fault == brokenJSON:
		return fmt.Sprintf(`{%q: %q, %q: `, keyName, key, pointName)
	case m.form == unquoted:
		return fmt.Sprintf(`{%s: %s, %s: %s}`, keyName, key, pointName, cups)
	}
	return fmt.Sprintf(`{%q: %q, %q: %q}`, keyName, key, pointName, cups)
}

const (
	plain = iota
	misspelt
	unquoted
	printed
)

func names(form int) (key, cups string) {
	switch form {
	case misspelt:
		return "Power_suppier_secret_key", "CUPs"
	case unquoted:
		return "Power_supplier_secret_key", "CUPS"
	case printed:
		return "supplier_key", "cups"
	}
	return "supplierKey", "cups"
}

func (p *plan) keyOf(m *meter) string {
	s := p.suppliers[m.market.supplier]
	switch m.fault {
	case wrongKey:
		return "not-" + s.key
	case expiredKey:
		return s.oldKey
	}
	return s.key
}

// cupsOf is the supply point as the meter writes it: as on a bill, in one of the forms.
func cupsOf(m *meter) string {
	id := m.point.ID()
	if m.fault == badLetters {
		id = withOtherLetter(id)
	}
	if m.form == printed {
		return strings.ToLower(fmt.Sprintf("%s %s %s %s %s %s", id[:2], id[2:6], id[6:10], id[10:14], id[14:18], id[18:])) + " 0F"
	}
	return id
}

// withOtherLetter changes the last check letter, so that it cannot be right.
func withOtherLetter(id string) string {
	last := "A"
	if strings.HasSuffix(id, last) {
		last = "B"
	}
	return id[:len(id)-1] + last
}
