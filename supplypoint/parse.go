package supplypoint

// Result is the answer of [Check]: OK, or the first test that failed and how far the text got. A caller that must tell
// a typing error from a text of another shape compares Reason with [ReasonCheckLetters].
type Result struct {
	OK     bool   `json:"ok"`
	Scheme Scheme `json:"scheme,omitempty"` // empty if none could be told from the text
	Level  Level  `json:"level"`
	Reason Reason `json:"reason,omitempty"`
}

// Parse reads text, in any form that [Canonical] understands, as an identifier of the scheme that its country letters
// name. The error is an [*Error].
func Parse(text string) (Point, error) {
	c, reason := scan(text)
	p, result := decide(&c, reason, codeByCountry(&c))
	return p, result.err()
}

// ParseAs is like [Parse] for one scheme; a text of another one fails with [ReasonCountry].
func ParseAs(scheme Scheme, text string) (Point, error) {
	p, result := parseAs(scheme, text)
	return p, result.err()
}

// Check tells what [Parse] would say, without making an error of it.
func Check(text string) Result {
	c, reason := scan(text)
	_, result := decide(&c, reason, codeByCountry(&c))
	return result
}

// CheckAs tells what [ParseAs] would say.
func CheckAs(scheme Scheme, text string) Result {
	_, result := parseAs(scheme, text)
	return result
}

// FromID makes a Point from what was stored of it: [Point.Scheme], [Point.ID] and [Point.Suffix]. Nothing is folded,
// but everything is checked again, so that a damaged row does not come back as a point. The error is an [*Error].
func FromID(scheme Scheme, id, suffix string) (Point, error) {
	code := codeOf(scheme)
	if code == 0 {
		return Point{}, &Error{Scheme: scheme, Reason: ReasonScheme}
	}
	var c canonical
	reason := Reason("")
	switch {
	case id == "":
		reason = ReasonEmpty
	case !isCanonical(id) || !isCanonical(suffix):
		reason = ReasonCharacter
	case len(id)+len(suffix) > maxLength:
		c.n = maxLength + 1
		copy(c.text[:], id)
	default:
		c.n = uint8(copy(c.text[:], id))
		c.n += uint8(copy(c.text[c.n:], suffix))
	}
	p, result := decide(&c, reason, code)
	// The border between id and suffix must be where it was: an id of 22 characters is not an id.
	if result.OK && p.Suffix() != suffix {
		return Point{}, &Error{Scheme: scheme, Reason: ReasonLength}
	}
	return p, result.err()
}

func parseAs(scheme Scheme, text string) (Point, Result) {
	code := codeOf(scheme)
	if code == 0 {
		return Point{}, Result{Scheme: scheme, Reason: ReasonScheme}
	}
	c, reason := scan(text)
	return decide(&c, reason, code)
}

// decide checks c by the format of code. A reason that is already known is only completed with the scheme.
func decide(c *canonical, reason Reason, code uint8) (Point, Result) {
	if code == 0 {
		if reason == "" {
			reason = ReasonCountry
		}
		return Point{}, Result{Reason: reason}
	}
	f := &formats[code-1]
	result := Result{Scheme: f.scheme, Reason: reason}
	if reason != "" {
		return Point{}, result
	}
	if !c.hasPrefix(f.country) {
		result.Reason = ReasonCountry
		return Point{}, result
	}
	number, suffix, reason := f.read(*c)
	switch reason {
	case "":
		result.OK, result.Level = true, f.level
		return Point{sealed: number ^ seal, suffix: suffix, code: code}, result
	case ReasonCheckLetters:
		result.Level = LevelFormat
	}
	result.Reason = reason
	return Point{}, result
}

func (r Result) err() error {
	if r.OK {
		return nil
	}
	return &Error{Scheme: r.Scheme, Reason: r.Reason, Level: r.Level}
}
