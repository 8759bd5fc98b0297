package profilefile

import (
	"fmt"
	"strconv"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/registry/rate"
)

// limits reads what devices of the profile may do at most.
func (r *reader) limits() (l registry.ProfileLimits) {
	at := r.at.Member("limits")
	if at.IsZero() {
		return l
	}
	if at.Kind() != '{' {
		at.Fault("wrong-type", fmt.Sprintf("\"limits\" is %s; want an object", at.KindName()), `for example {"rateLimits": {"messages": "20:1,600:60"}}`)
		return l
	}
	known := []string{"additionalInfo"}
	for _, n := range l.Numbers() {
		known = append(known, n.Name)
		whole(at.Member(n.Name), n)
	}
	for _, k := range l.Kinds() {
		known = append(known, k.Name)
		rates(at.Member(k.Name), k)
	}
	at.Known(known...)
	return l
}

// whole reads a whole number from 1 to what it may be at most.
func whole(at engine.DocumentValue, n registry.LimitNumber) {
	switch at.Kind() {
	case 0:
	case '0':
		given, err := strconv.Atoi(string(at.Canonical()))
		if err != nil || given < 1 || given > n.Most {
			at.Fault("value", fmt.Sprintf("%q must be a whole number from 1 to %d", n.Name, n.Most), "leave it out for no limit of the profile's own")
			return
		}
		*n.Value = given
	default:
		at.Fault("wrong-type", fmt.Sprintf("%q is %s; want a number", n.Name, at.KindName()), "")
	}
}

// rates reads the three rates of a kind.
func rates(at engine.DocumentValue, k registry.LimitKind) {
	switch at.Kind() {
	case 0:
		return
	case '{':
	default:
		at.Fault("wrong-type", fmt.Sprintf("%q is %s; want an object", k.Name, at.KindName()), `for example {"messages": "20:1,600:60"}`)
		return
	}
	known := []string{"additionalInfo"}
	for _, limit := range k.Rates.Each() {
		known = append(known, limit.Name)
		value := at.Member(limit.Name)
		if value.Kind() == 'n' { // as getSessionLimits tells it
			continue
		}
		given := rate.Limit(at.Text(limit.Name, false))
		if err := given.Check(); err != nil {
			value.Fault("value", err.Error(), rate.Example)
			continue
		}
		*limit.Limit = given
	}
	at.Known(known...)
}
