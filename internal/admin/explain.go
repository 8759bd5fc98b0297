package admin

import "github.com/gridtie/gridtie/registry"

// explain says in a person's words why a device is not attached and what may mend it. It names no secret, and the
// supply point by its mask only.
func explain(o registry.Outcome) string {
	info, _ := registry.Lookup(o.Code)
	point := "The supply point"
	if o.CUPS != "" {
		point += " " + o.CUPS
	}
	switch o.Code {
	case registry.CUPSCheckFailed:
		return point + " is well formed, but its control letters do not belong to its digits: most often a typing error. " +
			"Nothing was changed; the meter may send again."
	case registry.CUPSMalformed:
		return point + " has not the shape of a CUPS: ES, 16 digits, two control letters. Nothing was changed; the meter may send again."
	case registry.CUPSMissing:
		return "The message brought a supplier key but no supply point. The profile's fields say under which names it may come: " +
			"gridtie profiles show"
	case registry.KeyMissing:
		return "The message brought a supply point but no supplier key. The profile's fields say under which names it may come: " +
			"gridtie profiles show"
	case registry.KeyUnknown:
		return "No supplier has the key that the meter sent. If it is right, add it: gridtie suppliers add-key SUPPLIER --key-file FILE"
	case registry.KeyExpired, registry.KeyRevoked, registry.KeyNotYetValid:
		return "The supplier is known, but " + info.Meaning + ". Its keys: gridtie suppliers show " + o.Supplier
	case registry.CUPSTaken, registry.Held, registry.DeviceAttachedElsewhere:
		return point + " or the meter is attached already, so the new attachment waits for a person. Nothing was overwritten."
	case registry.DistributorUnknown, registry.GridNotFound:
		return point + " is sound, but " + info.Meaning + ". The grids there are: gridtie grids list"
	}
	return "Why: " + info.Meaning + "."
}
