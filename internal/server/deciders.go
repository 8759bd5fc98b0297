package server

import (
	"encoding/json"
	"strings"

	"github.com/gridtie/gridtie/engine"
)

// deciders are the nodes of a chain set that decide on outcomes, as "chain/node": an outcome is said to come from the
// last of them on the message's way, not from the node that reported it.
type deciders map[string]bool

func decidersOf(files []engine.File) deciders {
	d := deciders{}
	for _, f := range files {
		var chain struct {
			RuleChain struct{ ID string }
			Metadata  struct {
				Nodes []struct{ ID, Type string }
			}
		}
		if json.Unmarshal(f.Text, &chain) != nil {
			continue // compiling says what is wrong
		}
		for _, n := range chain.Metadata.Nodes {
			switch {
			case strings.HasPrefix(n.Type, "match."),
				n.Type == "action.attach", n.Type == "action.provision", n.Type == "action.refuse":
				d[chain.RuleChain.ID+"/"+n.ID] = true
			}
		}
	}
	return d
}

// place is where an outcome was decided: the last node of the way if none of the deciders is on it.
func (d deciders) place(hops []engine.Hop) engine.Hop {
	for i := len(hops) - 1; i >= 0; i-- {
		if d[hops[i].Chain+"/"+hops[i].Node] {
			return hops[i]
		}
	}
	if len(hops) == 0 {
		return engine.Hop{}
	}
	return hops[len(hops)-1]
}
