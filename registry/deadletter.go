package registry

import "time"

// DeadLetter is a message that no chain could finish, kept whole. The supplier key is not in it: it never is in a
// message's text.
type DeadLetter struct {
	ID         string            `json:"id"` // rises with time
	Time       time.Time         `json:"time"`
	Device     string            `json:"device,omitempty"` // id
	DeviceName string            `json:"deviceName,omitempty"`
	Message    string            `json:"message"` // id
	Type       string            `json:"type"`
	Meta       map[string]string `json:"meta,omitempty"`
	Data       string            `json:"data"`
	Path       []string          `json:"path,omitempty"`
	Cause      string            `json:"cause"`
	Attempt    int               `json:"attempt,omitempty"`
	Revision   string            `json:"revision,omitempty"`
}

// DeadLetterFilter selects dead letters; zero fields select all.
type DeadLetterFilter struct {
	Device string // id
	Since  time.Time
}
