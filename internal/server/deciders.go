package server

import (
	"encoding/json"
	"maps"
	"strings"
	"sync/atomic"
	"time"

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

// remembered is how long the deciders of a replaced revision are known: far longer than a run may take.
const remembered = time.Hour

// decidersByRevision knows the deciders of every revision that a run may still be on. Reading is for any goroutine, add
// for one at a time.
type decidersByRevision struct {
	known atomic.Pointer[map[string]knownDeciders]
}

type knownDeciders struct {
	deciders
	replaced time.Time // zero for the revision in force
}

// add is called before the revision comes into force.
func (r *decidersByRevision) add(revision string, d deciders, now time.Time) {
	next := map[string]knownDeciders{}
	if old := r.known.Load(); old != nil {
		maps.Copy(next, *old)
	}
	for name, k := range next {
		switch {
		case k.replaced.IsZero():
			k.replaced = now
			next[name] = k
		case now.Sub(k.replaced) > remembered:
			delete(next, name)
		}
	}
	next[revision] = knownDeciders{deciders: d}
	r.known.Store(&next)
}

// of returns the deciders of a revision; those of one that is long gone are none.
func (r *decidersByRevision) of(revision string) deciders {
	if known := r.known.Load(); known != nil {
		return (*known)[revision].deciders
	}
	return nil
}
