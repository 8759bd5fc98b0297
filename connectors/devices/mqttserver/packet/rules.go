package packet

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// Rules say what MQTT 5 leaves to the receiver: which side it is, what it announced, and what it takes at most. The zero
// value is a server without topic aliases that is as lenient as the standard allows, with the default limits; a nil
// pointer is none. Rules are only read; one value may serve all connections at the same time.
type Rules struct {
	// FromServer: the packets come from a server, so we are a client. What either side may send differs.
	FromServer bool
	// TopicAliasMaximum is the highest topic alias that we announced, 0 for none.
	TopicAliasMaximum uint16
	// UserProperties is the most User Properties that a packet may have; 0 is 16. A will counts for itself.
	UserProperties int
	// UserPropertyBytes is the most that the User Properties of a packet may take on the wire; 0 is 4,096.
	UserPropertyBytes int
	// TopicBytes is the longest topic of a PUBLISH or will; 0 is the protocol's 65,535.
	TopicBytes int
	// TopicLevels is how many levels such a topic may have; 0 is any number.
	TopicLevels int
	// StrictText refuses control characters (U+0001 to U+001F, U+007F to U+009F) and Unicode's non-characters, which
	// section 1.5.4 advises against and lets a receiver refuse.
	StrictText bool
	// CheckPayload refuses a payload that is not UTF-8 though its Payload Format Indicator says so.
	CheckPayload bool
}

const (
	defaultUserProperties    = 16
	defaultUserPropertyBytes = 4096
)

// checkText applies section 1.5.4, with its advice if the rules are strict.
func (r *Rules) checkText(b []byte) *Error {
	if !utf8.Valid(b) {
		return err5UTF8
	}
	if bytes.IndexByte(b, 0) >= 0 {
		return err5NUL
	}
	if r.StrictText && bytes.ContainsFunc(b, unwise) {
		return err5Character
	}
	return nil
}

// unwise reports what the standard advises against in texts.
func unwise(c rune) bool {
	return c < 0x20 || c >= 0x7f && c <= 0x9f || c >= 0xfdd0 && c <= 0xfdef || c&0xfffe == 0xfffe
}

// checkTopic refuses sound topics that are beyond the limits.
func (r *Rules) checkTopic(topic []byte) *Error {
	if r.TopicBytes > 0 && len(topic) > r.TopicBytes {
		return err5TopicBytes
	}
	if r.TopicLevels > 0 && levels(topic) > r.TopicLevels {
		return err5TopicLevels
	}
	return nil
}

// checkPayload compares a payload with its Payload Format Indicator, if that is wanted.
func (r *Rules) checkPayload(p Properties, payload []byte) *Error {
	if r.CheckPayload && p.Value(PayloadFormatIndicator) == 1 && !utf8.Valid(payload) {
		return err5Payload
	}
	return nil
}

// Levels is how many levels a topic or filter has: one more than slashes.
func Levels(s string) int { return 1 + strings.Count(s, "/") }

func levels(topic []byte) int {
	n := 1
	for _, c := range topic {
		if c == '/' {
			n++
		}
	}
	return n
}

// Share takes a filter of MQTT 5 apart: "$share/group/a/b" is filter "a/b" shared by "group". Of other filters group is
// empty. In MQTT 3.1.1 such a filter has no special meaning.
func Share(filter string) (group, rest string) {
	tail, shared := strings.CutPrefix(filter, sharePrefix)
	if !shared {
		return "", filter
	}
	group, rest, _ = strings.Cut(tail, "/")
	return group, rest
}

const sharePrefix = "$share/"

// checkFilter5 is checkFilter with the numbers of MQTT 5, and its shared subscriptions.
func checkFilter5(b []byte) *Error {
	if tail, shared := bytes.CutPrefix(b, []byte(sharePrefix)); shared {
		group, rest, _ := bytes.Cut(tail, []byte("/"))
		switch {
		case len(group) == 0:
			return err5ShareEmpty
		case bytes.ContainsAny(group, "+#"), len(rest) == 0:
			return err5Share
		}
		b = rest
	}
	err := checkFilter(b)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errFilterHash):
		return err5FilterHash
	case errors.Is(err, errFilterPlus):
		return err5FilterPlus
	}
	return err5FilterEmpty
}

// checkTopic5 is checkTopic for MQTT 5, where wildcards break different statements in different places.
func checkTopic5(b []byte, wildcard *Error) *Error {
	switch {
	case len(b) == 0:
		return err5EmptyTopic
	case bytes.IndexByte(b, '+') >= 0, bytes.IndexByte(b, '#') >= 0:
		return wildcard
	}
	return nil
}
