package coap

import (
	"strconv"
	"strings"

	"github.com/gridtie/gridtie/registry"
)

// feature is what a path is about.
type feature uint8

const (
	noResource feature = iota // nothing that there is
	noFeature                 // the resource is there, and has no such feature
	telemetry
	attributes
	calls // "rpc", the answers to calls included
	provision
	load // "fw" and "sw"
)

// target is what a path means.
type target struct {
	feature  feature
	token    string
	hasToken bool
	number   string // of the call that is answered
	numbered bool
	kind     registry.PackageKind // of what is loaded
}

// parse reads a path as ThingsBoard's CoapTransportResource does. The whole path may stand in one option.
func parse(path []string) target {
	if len(path) == 1 && strings.Contains(path[0], "/") {
		path = strings.Split(strings.Trim(path[0], "/"), "/")
	}
	if len(path) == 2 {
		switch path[0] {
		case "fw":
			return target{feature: load, token: path[1], hasToken: true, kind: registry.Firmware}
		case "sw":
			return target{feature: load, token: path[1], hasToken: true, kind: registry.Software}
		}
	}
	if len(path) < 2 || path[0] != "api" || path[1] != "v1" {
		return target{}
	}
	rest := path[2:]
	switch {
	case len(rest) == 0:
		return target{feature: noFeature}
	case len(rest) <= 2 && featureOf(rest[len(rest)-1]) == provision:
		return target{feature: provision}
	case len(rest) == 1:
		return target{feature: featureOf(rest[0])}
	case len(rest) == 2 && digits(rest[1]):
		return target{feature: featureOf(rest[0]), number: rest[1], numbered: true}
	case len(rest) == 2:
		return target{feature: featureOf(rest[1]), token: rest[0], hasToken: true}
	}
	return target{feature: featureOf(rest[1]), token: rest[0], hasToken: true, number: rest[2], numbered: true}
}

func featureOf(name string) feature {
	switch strings.ToLower(name) {
	case "telemetry":
		return telemetry
	case "attributes":
		return attributes
	case "rpc":
		return calls
	case "provision":
		return provision
	}
	return noFeature
}

func digits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

// call is the number of the call that is answered.
func (t target) call() (int32, bool) {
	n, err := strconv.ParseInt(t.number, 10, 32)
	return int32(n), err == nil
}
