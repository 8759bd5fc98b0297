package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
)

// limitFlag is how a limit of a profile is given and shown.
type limitFlag struct{ flag, label, usage string }

// limitNumbers are those of registry.ProfileLimits.Numbers, in their order.
func limitNumbers() []limitFlag {
	return []limitFlag{
		{"payload-bytes", "payload bytes", "bytes of a payload at most; 0 for what holds for every profile"},
		{"payload-depth", "payload depth", "objects and arrays within each other in a payload at most; 0 as above"},
		{"payload-values", "payload values", "values in a payload at most; 0 as above"},
		{"device-limit", "devices", "devices of the profile at most; 0 for any number"},
		{"gateway-device-limit", "gateway devices", "devices that one gateway of the profile may make at most; 0 for any number"},
	}
}

// limitKinds are those of registry.ProfileLimits.Kinds, in their order.
func limitKinds() []limitFlag {
	return []limitFlag{
		{"rate", "rate", `rates of each device: "messages=20:1,600:60 telemetryMessages=… telemetryDataPoints=…"; empty for none`},
		{"gateway-rate", "gateway rate", "rates of all that one gateway sends for devices behind it"},
		{"gateway-device-rate", "gateway device rate", "rates of what a gateway sends for itself"},
		{"profile-rate", "profile rate", "rates of all devices of the profile together"},
	}
}

// rates reads the value of a flag.
func rates(to *registry.RateLimits) func(string) error {
	return func(given string) error {
		l, err := registry.ParseRateLimits(given)
		*to = l
		return err
	}
}

// changedLimits gives cmd the flags of limits, told from those that are not given.
func changedLimits(cmd *cobra.Command, l *admin.ChangedLimits) {
	for i, to := range []**int{&l.PayloadBytes, &l.Depth, &l.Values, &l.Devices, &l.GatewayDevices} {
		cmd.Flags().Func(limitNumbers()[i].flag, limitNumbers()[i].usage, func(given string) error {
			n, err := strconv.Atoi(given)
			if err != nil {
				return fmt.Errorf("%q is not a whole number", given)
			}
			*to = &n
			return nil
		})
	}
	for i, to := range []**registry.RateLimits{&l.Rates, &l.GatewayRates, &l.GatewayDeviceRates, &l.ProfileRates} {
		cmd.Flags().Func(limitKinds()[i].flag, limitKinds()[i].usage, func(given string) error {
			*to = &registry.RateLimits{}
			return rates(*to)(given)
		})
	}
}

// showLimits shows those that the profile has.
func (a *app) showLimits(l registry.ProfileLimits) {
	for i, n := range l.Numbers() {
		if *n.Value > 0 {
			a.field(limitNumbers()[i].label, strconv.Itoa(*n.Value))
		}
	}
	for i, k := range l.Kinds() {
		a.field(limitKinds()[i].label, k.Rates.String())
	}
}
