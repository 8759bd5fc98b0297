package registry

import "time"

// SupplierKey is all that is known of a supplier's key. The key itself is kept nowhere.
type SupplierKey struct {
	ID       string `json:"id"` // "k-…"
	Supplier string `json:"supplier"`
	// NotBefore (inclusive) and NotAfter (exclusive) bound its use; zero for no bound. They are compared with the time at
	// which the server received the message that brought key and supply point together.
	NotBefore time.Time `json:"notBefore,omitzero"`
	NotAfter  time.Time `json:"notAfter,omitzero"`
	Revoked   time.Time `json:"revoked,omitzero"` // since when it is refused, whatever its window
	Scope     Scope     `json:"scope,omitzero"`
	// MaxAttachments is how many attachments may be open with this key; 0 for any number. Attachments that are decided
	// at the same moment may exceed it by their number.
	MaxAttachments int       `json:"maxAttachments,omitempty"`
	Created        time.Time `json:"created"`
}

// Scope bounds what a key may attach. An empty list does not bound.
type Scope struct {
	Grids    []string `json:"grids,omitempty"`    // grid ids; what lies below one belongs to it
	Prefixes []string `json:"prefixes,omitempty"` // leading digits of the supply point, such as "0021"
}

// KeyMatch is what a supplier key leads to.
type KeyMatch struct {
	Supplier string `json:"supplier"` // also for a key that cannot be used; empty for an unknown one
	Key      string `json:"key"`      // its id
	Code     Code   `json:"code"`     // empty if usable
}
