package match

import (
	"errors"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// Point reads the supply point that an expression gave. The code is empty if it is one, else CUPS_MISSING,
// CUPS_MALFORMED or CUPS_CHECK_FAILED. A number is malformed: a sender that drops leading zeros must not be guessed at.
func Point(value any) (supplypoint.Point, registry.Code) {
	text, ok := value.(string)
	switch {
	case value == nil:
		return supplypoint.Point{}, registry.CUPSMissing
	case !ok:
		return supplypoint.Point{}, registry.CUPSMalformed
	}
	p, err := supplypoint.Parse(text)
	var fault *supplypoint.Error
	switch {
	case err == nil:
		return p, ""
	case errors.As(err, &fault) && fault.Reason == supplypoint.ReasonEmpty:
		return p, registry.CUPSMissing
	case errors.As(err, &fault) && fault.Reason == supplypoint.ReasonCheckLetters:
		return p, registry.CUPSCheckFailed
	}
	return p, registry.CUPSMalformed
}
