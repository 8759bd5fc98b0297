package server

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// chainSet is the set in force as it was read, and since when.
type chainSet struct {
	files []engine.File
	since time.Time
}

// UseChains puts a chain set in the place of the one in force, in one atomic step: runs under way finish on theirs. A set
// with a fault changes nothing, and one that means the same has no effect; the answer says which it was, with everything
// that was found. It errs if no verdict could be reached, and changes nothing then.
func (c *Core) UseChains(ctx context.Context, files []engine.File) (admin.Reload, error) {
	c.swapping.Lock()
	defer c.swapping.Unlock()
	before := c.Engine.Chain().Revision()
	r := admin.Reload{Result: admin.ReloadRefused, Before: before, After: before, Chains: len(files), Findings: engine.Findings{}}
	if c.ended {
		return r, engine.ErrDraining
	}
	chain, findings, err := c.compile(ctx, files)
	if err != nil {
		return r, err
	}
	r.Findings = masked(findings)
	now := c.now()
	switch {
	case chain == nil:
		return r, nil
	case chain.Revision() == before:
		r.Result = admin.ReloadUnchanged
		c.set.Store(&chainSet{files: files, since: c.set.Load().since}) // other layout, other positions
		return r, chain.Close()
	}
	r.Result, r.After = admin.ReloadSwapped, chain.Revision()
	c.set.Store(&chainSet{files: files, since: now})
	c.Engine.Swap(chain)
	return r, nil
}

// compile is engine.Compile for this server: what profiles name must be there. The chain is nil if there is an error
// among the findings.
func (c *Core) compile(ctx context.Context, files []engine.File) (*engine.Chain, engine.Findings, error) {
	profiles, err := c.Registry.Profiles(ctx)
	if err != nil {
		return nil, nil, err
	}
	chain, findings := engine.Compile(files, c.catalog, engine.CompileOptions{
		Root: chains.Root, Required: []string{chains.Provision}, Logger: c.log, Now: c.now,
	})
	ids, known := chainIDs(chain, files)
	if !known {
		// A file that cannot be read so far may be the chain that seems to be missing: say only what is wrong with it.
		if rest := without(findings, missingChain); rest.HasErrors() {
			return nil, rest, nil
		}
		return nil, findings, nil
	}
	missing := missingChains(profiles, files, ids)
	if len(missing) > 0 && chain != nil {
		err, chain = chain.Close(), nil
	}
	return chain, append(missing, findings...), err
}

// chainIDs are the ids of the chains in the files, and whether they are all known. The chain is nil if files have faults.
func chainIDs(chain *engine.Chain, files []engine.File) (ids []string, known bool) {
	if chain != nil {
		return chain.IDs(), true
	}
	for _, f := range files {
		id, err := ChainID(f)
		if err != nil {
			return nil, false
		}
		ids = append(ids, id)
	}
	return ids, true
}

func without(findings engine.Findings, code string) engine.Findings {
	return slices.DeleteFunc(slices.Clone(findings), func(f engine.Finding) bool { return f.Code == code })
}

// missingChain is the engine's code for a chain that is not there.
const missingChain = "missing-chain"

// missingChains finds the chains that profiles name and files do not hold. The engine could do so, too, but would not know
// the profile. For root and provision it does.
func missingChains(profiles []registry.Profile, files []engine.File, ids []string) engine.Findings {
	var findings engine.Findings
	there := append([]string{"", chains.Root, chains.Provision}, ids...)
	for _, p := range profiles {
		for _, id := range []string{p.Chain, p.ProvisionChain} {
			if slices.Contains(there, id) || len(files) == 0 {
				continue
			}
			findings = append(findings, engine.Finding{
				File: files[0].Name, Line: 1, Column: 1, Severity: engine.SeverityError, Code: missingChain,
				Message: fmt.Sprintf("the set has no chain %q, which the profile %q needs", id, p.Name),
				Hint:    fmt.Sprintf("add a file whose ruleChain.id is %q", id),
			})
		}
	}
	return findings
}

// masked hides supply points that somebody wrote into a chain: findings are logged and shown.
func masked(findings engine.Findings) engine.Findings {
	out := make(engine.Findings, len(findings))
	for i, f := range findings {
		f.Message, f.Hint, f.Source = supplypoint.MaskIn(f.Message), supplypoint.MaskIn(f.Hint), supplypoint.MaskIn(f.Source)
		out[i] = f
	}
	return out
}

// loggedFindings of one set at most: the others are in the status.
const loggedFindings = 20

func logFindings(log zerolog.Logger, findings engine.Findings) {
	for i, f := range masked(findings) {
		if i == loggedFindings {
			log.Warn().Int("findings", len(findings)-i).Str("event", "chain_findings_left_out").Send()
			return
		}
		line, event := log.Warn(), "chain_warning"
		if f.Severity == engine.SeverityError {
			line, event = log.Error(), "chain_error"
		}
		line.Str("file", f.File).Int("line", f.Line).Int("column", f.Column).Str("pointer", f.Pointer).Str("code", f.Code).
			Str("finding", f.Message).Str("hint", f.Hint).Msg(event)
	}
}
