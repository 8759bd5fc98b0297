package admin

import (
	"regexp"
	"strings"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// identifier finds what could be a supply point in free text: a country and many digits, with the separators and the
// letters that people put around them. It rather takes too much; only the end of a word before a number ("values 123") is
// no country.
var identifier = regexp.MustCompile(
	`(?i)(?:\b(?:ES|PT)[ ._\-/]*|(?:ES|PT))[0-9](?:[ ._\-/]*[0-9]){7,}(?:[ ._\-/]*[A-Z0-9]){0,4}`)

// MaskText hides every supply point in a text.
func MaskText(text string) string { return identifier.ReplaceAllStringFunc(text, supplypoint.Mask) }

// maskLetter hides supply points in a dead letter, which keeps the payload as the device sent it.
func maskLetter(l registry.DeadLetter) registry.DeadLetter {
	l.Data, l.Cause = MaskText(l.Data), MaskText(l.Cause)
	meta := make(map[string]string, len(l.Meta))
	for k, v := range l.Meta {
		meta[k] = MaskText(v)
		if strings.EqualFold(k, "cups") {
			meta[k] = supplypoint.Mask(v)
		}
	}
	l.Meta = meta
	return l
}
