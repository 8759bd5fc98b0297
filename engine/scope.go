package engine

import (
	"time"

	"github.com/gridtie/gridtie/engine/expression"
)

// scope is a message as expressions see it. It is the message itself under another name: no copy, no allocation.
type scope Message

func (s *scope) message() *Message { return (*Message)(s) }

func (s *scope) Field(name string) (any, bool)        { return s.data.Field(name) }
func (s *scope) FieldText(name string) (string, bool) { return s.data.FieldText(name) }
func (s *scope) Meta(key string) (string, bool)       { return s.message().Meta(key) }
func (s *scope) Type() string                         { return s.message().Type() }
func (s *scope) Time() time.Time                      { return s.head.Time }

func (s *scope) Payload() any {
	v, err := s.data.Value()
	if err != nil {
		return nil // the text was checked when the payload was made
	}
	return v
}

func (s *scope) Origin() expression.Origin {
	o := &s.head.Origin
	return expression.Origin{Type: o.Type, ID: o.ID, Name: o.Name}
}
