package action

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

const originDevice = "DEVICE"

// Metadata that the kinds of this package write.
const (
	MetaSince      = "attachedSince" // RFC 3339, UTC
	MetaHeldReason = "heldReason"    // outcome code that says why an attachment is held
	MetaReason     = "reason"        // why a device was not provisioned, for the operator
)

// deviceID is the id of the device that a message is about.
func deviceID(m *engine.Message) (string, error) {
	if m.Origin().Type != originDevice {
		return "", errors.New("the message is not about a device")
	}
	return m.Origin().ID, nil
}

// hidden is what stands in a payload where a secret stood.
const hidden = `"` + secret.Redacted + `"`

// members are the values of a payload as a device sent them, each with its own spelling of numbers, sorted by name. The
// supplier key is left out, under whatever name it came: nothing of it is there to be saved.
func members(d *engine.Data) ([]registry.Attribute, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(d.Text()), &values); err != nil || values == nil {
		return nil, errors.New("the payload is not an object of names and values")
	}
	secrets := d.Digests()
	all := make([]registry.Attribute, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(secrets) > 0 && (slices.Contains(secrets, name) || string(values[name]) == hidden) {
			continue
		}
		all = append(all, registry.Attribute{Key: name, Value: values[name]})
	}
	return all, nil
}
