package registry

import "time"

// Device is one thing that connects: a meter, a gateway.
type Device struct {
	ID      string    `json:"id"`
	Name    string    `json:"name"` // unique over the installation
	Profile string    `json:"profile"`
	Gateway bool      `json:"gateway,omitempty"`
	Created time.Time `json:"created"`

	CredentialsType CredentialsType `json:"credentialsType"`
	// LastUsed is when the device last authenticated, as far as this process knows; zero for never. It is written
	// lazily, so that a crash may lose the last few seconds of it.
	LastUsed time.Time `json:"lastUsed,omitzero"`
}
