package registry

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/gridtie/gridtie/engine/secret"
)

const (
	maxName  = 255 // characters, as in ThingsBoard
	maxLabel = 64  // characters of an id that operators give
)

// CleanName returns the name under which a device that asks for one is provisioned: without surrounding blanks, and 20
// random letters and digits where none is given. A name that cannot be one is a *Refusal. The rules are those of
// ThingsBoard's DeviceProvisionServiceImpl and its check against text that a browser could run.
func CleanName(name string) (string, error) {
	if name == "" {
		return secret.Token().Reveal(), nil
	}
	name = strings.TrimSpace(name)
	if !validName(name) {
		return "", &Refusal{Reason: RefusedName}
	}
	return name, nil
}

func validName(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxName &&
		!hasControl(name) && !looksLikeHTML(name)
}

func hasControl(s string) bool { return strings.ContainsFunc(s, unicode.IsControl) }

// looksLikeHTML finds what a browser would take for the beginning of a tag, a comment or a declaration.
func looksLikeHTML(s string) bool {
	for i := 0; i+1 < len(s); i++ {
		if s[i] != '<' {
			continue
		}
		switch c := s[i+1]; {
		case c == '/', c == '!', c == '?', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
			return true
		}
	}
	return false
}

// validLabel tells whether s may be the id of something that operators name: it stands in paths and metrics.
func validLabel(s string) bool {
	if s == "" || len(s) > maxLabel {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case (c == '-' || c == '_' || c == '.') && i > 0:
		default:
			return false
		}
	}
	return true
}

// label makes an id of a name: "Energía del Año S.A." becomes "energia-del-ano-s-a".
func label(name string) string {
	var b strings.Builder
	for _, c := range norm.NFD.String(strings.ToLower(name)) {
		switch {
		case unicode.Is(unicode.Mn, c): // the accent, once it stands apart from its letter
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			b.WriteRune(c)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	s := strings.TrimSuffix(b.String(), "-")
	if len(s) > maxLabel {
		s = strings.TrimSuffix(s[:maxLabel], "-")
	}
	return s
}

// maskName hides most of a device's name: some fleets put addresses or people into it.
func maskName(name string) string {
	runes := []rune(name)
	if len(runes) <= 4 {
		return "••••"
	}
	return string(runes[:2]) + "••••" + string(runes[len(runes)-1:])
}
