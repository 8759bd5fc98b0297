package devices

import (
	"errors"
	"time"
)

// ErrRate: more messages came than a limit allows. It comes as a *RateError, also as the cause of a fate that is Abandoned.
var ErrRate = errors.New("more messages came than the limit allows")

// RateError is an ErrRate that says which limit it was. Nothing was done.
type RateError struct {
	By   Limited
	Wait time.Duration // until such a message would be let through, if no other came
}

func (e *RateError) Error() string { return ErrRate.Error() + ": " + string(e.By) }

// Is makes it an ErrRate.
func (e *RateError) Is(target error) bool { return target == ErrRate }

// Seconds is how long to wait, in whole seconds, at least one: as HTTP's Retry-After and CoAP's Max-Age want it.
func (e *RateError) Seconds() int {
	return max(int((e.Wait+time.Second-1)/time.Second), 1)
}

// Limited says which limit was exceeded: a closed set, fit for a metric label.
type Limited string

// The limits of a profile (registry.ProfileLimits), and the one that is the server's.
const (
	LimitedDevice        Limited = "device"         // of one device
	LimitedGateway       Limited = "gateway"        // of all that a gateway sends for devices behind it
	LimitedGatewayDevice Limited = "gateway-device" // of what a gateway sends for itself
	LimitedProfile       Limited = "profile"        // of all devices of a profile
	LimitedAddress       Limited = "address"        // of an IPv4 address, or an IPv6 /64 network
)

// AllLimited lists all of them.
func AllLimited() []Limited {
	return []Limited{LimitedDevice, LimitedGateway, LimitedGatewayDevice, LimitedProfile, LimitedAddress}
}

// Quota says which limit on the number of devices was met: a closed set, fit for a metric label.
type Quota string

// The limits on the number of devices.
const (
	QuotaProfile      Quota = "profile"
	QuotaInstallation Quota = "installation"
	QuotaGateway      Quota = "gateway"
)

// Quotas lists all of them.
func Quotas() []Quota { return []Quota{QuotaProfile, QuotaInstallation, QuotaGateway} }
