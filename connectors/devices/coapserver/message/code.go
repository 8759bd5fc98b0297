package message

import "strconv"

// Code is a method, a response code, or Empty.
type Code byte

// Empty is the code of a message that is neither request nor response.
const Empty Code = 0

// The methods of RFC 7252 section 12.1.1.
const (
	GET Code = iota + 1
	POST
	PUT
	DELETE
)

// The response codes that servers here use (RFC 7252 section 12.1.2, RFC 7959 section 2.9, RFC 8516).
const (
	Created              Code = 2<<5 | 1
	Deleted              Code = 2<<5 | 2
	Valid                Code = 2<<5 | 3
	Changed              Code = 2<<5 | 4
	Content              Code = 2<<5 | 5
	Continue             Code = 2<<5 | 31
	BadRequest           Code = 4 << 5
	Unauthorized         Code = 4<<5 | 1
	BadOption            Code = 4<<5 | 2
	Forbidden            Code = 4<<5 | 3
	NotFound             Code = 4<<5 | 4
	MethodNotAllowed     Code = 4<<5 | 5
	NotAcceptable        Code = 4<<5 | 6
	Incomplete           Code = 4<<5 | 8
	EntityTooLarge       Code = 4<<5 | 13
	TooManyRequests      Code = 4<<5 | 29
	InternalServerError  Code = 5 << 5
	ServiceUnavailable   Code = 5<<5 | 3
	GatewayTimeout       Code = 5<<5 | 4
	ProxyingNotSupported Code = 5<<5 | 5
)

// Class is the first digit of a code.
func (c Code) Class() byte { return byte(c) >> 5 }

// Request reports whether c is a method, known or not.
func (c Code) Request() bool { return c.Class() == 0 && c != Empty }

// Success reports whether c is a response code of class 2.
func (c Code) Success() bool { return c.Class() == 2 }

// String is the code as the standard writes it: 2.05.
func (c Code) String() string {
	b := strconv.AppendUint(nil, uint64(c.Class()), 10)
	b = append(b, '.')
	if c&31 < 10 {
		b = append(b, '0')
	}
	return string(strconv.AppendUint(b, uint64(c&31), 10))
}
