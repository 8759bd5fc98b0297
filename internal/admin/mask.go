package admin

import (
	"strings"

	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// A device is named by whoever made it, and some name their meters by the supply point. Its id is always in clear, and
// [api.find] takes either.
func maskDevice(d registry.Device) registry.Device {
	d.Name = supplypoint.MaskIn(d.Name)
	return d
}

// maskLetter hides supply points in a dead letter, which keeps the payload as the device sent it.
func maskLetter(l registry.DeadLetter) registry.DeadLetter {
	l.DeviceName, l.Data, l.Cause = supplypoint.MaskIn(l.DeviceName), supplypoint.MaskIn(l.Data), supplypoint.MaskIn(l.Cause)
	meta := make(map[string]string, len(l.Meta))
	for k, v := range l.Meta {
		meta[k] = supplypoint.MaskIn(v)
		if strings.EqualFold(k, "cups") {
			meta[k] = supplypoint.Mask(v)
		}
	}
	l.Meta = meta
	return l
}
