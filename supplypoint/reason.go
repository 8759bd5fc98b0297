package supplypoint

// Reason is the test that a text failed: a stable code that programs may act on and users may search for.
// The set is closed; the empty Reason means that nothing failed.
type Reason string

const (
	ReasonEmpty        Reason = "EMPTY"         // nothing left after white space and separators
	ReasonCharacter    Reason = "CHARACTER"     // something else than A-Z, 0-9 and the separators
	ReasonCountry      Reason = "COUNTRY"       // does not begin with the country of a known, or of the wanted, scheme
	ReasonTooShort     Reason = "TOO_SHORT"     // fewer characters than the scheme has
	ReasonTooLong      Reason = "TOO_LONG"      // more characters than the scheme has; never cut to fit
	ReasonLength       Reason = "LENGTH"        // a length between two valid ones, as 21 for a CUPS
	ReasonNotDigits    Reason = "NOT_DIGITS"    // a letter among the digits, often O for 0
	ReasonNotLetters   Reason = "NOT_LETTERS"   // a digit where the check letters belong
	ReasonSuffix       Reason = "SUFFIX"        // the border point is not a digit and a letter
	ReasonCheckLetters Reason = "CHECK_LETTERS" // well formed, but the letters do not belong to the digits
	ReasonScheme       Reason = "SCHEME"        // the caller named a scheme that does not exist
)

// Explain returns one sentence part for people: lower case, no full stop, without the text and without a remedy that
// would give the right check letters away. It is empty for the empty or an unknown Reason.
func (r Reason) Explain() string {
	switch r {
	case ReasonEmpty:
		return "there is no text"
	case ReasonCharacter:
		return "a character is neither a letter A-Z, a digit nor a separator"
	case ReasonCountry:
		return "it does not begin with the letters of the country"
	case ReasonTooShort:
		return "characters are missing"
	case ReasonTooLong:
		return "there are too many characters"
	case ReasonLength:
		return "one character is missing or too many"
	case ReasonNotDigits:
		return "a letter stands where a digit belongs"
	case ReasonNotLetters:
		return "a digit stands where a check letter belongs"
	case ReasonSuffix:
		return "the border point is not one digit and one letter"
	case ReasonCheckLetters:
		return "the check letters do not belong to the digits"
	case ReasonScheme:
		return "the scheme is not known"
	}
	return ""
}

// Error is why a text is not a supply point. Every error of this package's functions is an *Error, except those of
// [Level.UnmarshalText] and [Level.MarshalText].
type Error struct {
	Scheme Scheme // the scheme that was tried, empty if none could be told from the text
	Reason Reason // the first test that failed
	Level  Level  // how far the text got
}

// Error names scheme, code and explanation, and nothing of the text.
func (e *Error) Error() string {
	what := string(e.Scheme)
	if what == "" || e.Reason == ReasonScheme {
		what = "supply point"
	}
	return "reading " + what + ": " + string(e.Reason) + ": " + e.Reason.Explain()
}
