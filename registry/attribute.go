package registry

import (
	"encoding/json"
	"time"
)

// AttributeScope says who owns an attribute, named as ThingsBoard names it.
type AttributeScope string

const (
	ClientScope AttributeScope = "CLIENT_SCOPE" // reported by the device
	SharedScope AttributeScope = "SHARED_SCOPE" // set by the server, pushed to the device
	ServerScope AttributeScope = "SERVER_SCOPE" // set by the server, never shown to the device
)

// MaxAttributeKey is the length of an attribute's or time series' name in bytes; a longer one is refused.
const MaxAttributeKey = 512

// Attribute is a named value of a device.
type Attribute struct {
	Key     string          `json:"key"`
	Value   json.RawMessage `json:"value"`
	Updated time.Time       `json:"updated"`
}

// SharedChange is what happened to the shared attributes of a device.
type SharedChange struct {
	Device  string
	Updated []Attribute
	Deleted []string
}
