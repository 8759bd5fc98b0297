package action

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/engine"
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

// members are the values of a payload as a device sent them, each with its own spelling of numbers, sorted by name. The
// supplier key is left out, under whatever name it came: there is nothing in its place but "***".
func members(d *engine.Data) ([]registry.Attribute, error) {
	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(d.Text()), &values); err != nil || values == nil {
		return nil, errors.New("the payload is not an object of names and values")
	}
	secrets := d.Digests()
	for _, name := range secrets {
		delete(values, name)
	}
	for _, a := range d.Aliases() {
		if slices.Contains(secrets, a.Name) && !strings.HasPrefix(a.At, "/") {
			delete(values, a.At)
		}
	}
	all := make([]registry.Attribute, 0, len(values))
	for _, name := range slices.Sorted(maps.Keys(values)) {
		all = append(all, registry.Attribute{Key: name, Value: values[name]})
	}
	return all, nil
}
