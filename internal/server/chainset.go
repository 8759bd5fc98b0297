package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/rs/zerolog"

	"github.com/gridtie/gridtie/chains"
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/internal/admin"
	"github.com/gridtie/gridtie/internal/profilefile"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// chainSet is the set in force as it was read, and since when.
type chainSet struct {
	FileSet
	since         time.Time // its chains
	profilesSince time.Time
}

// UseChains is Use with the profiles that are in force.
func (c *Core) UseChains(ctx context.Context, files []engine.File) (admin.Reload, error) {
	return c.Use(ctx, FileSet{Chains: files, Profiles: c.set.Load().Profiles})
}

// Use puts chains and profiles in the place of those in force, in one atomic step: runs under way finish on theirs. A set
// with a fault changes nothing, and one that means the same has no effect; the answer says which it was, with everything
// that was found. It errs if no verdict could be reached, and changes nothing then. While the store is away, it waits.
func (c *Core) Use(ctx context.Context, set FileSet) (admin.Reload, error) {
	for {
		r, err := c.use(ctx, set)
		if !errors.Is(err, registry.ErrAway) {
			return r, err
		}
		if err := c.Registry.Reach(ctx); err != nil {
			return r, err
		}
	}
}

func (c *Core) use(ctx context.Context, set FileSet) (admin.Reload, error) {
	c.swapping.Lock()
	defer c.swapping.Unlock()
	before, was := c.Engine.Chain().Revision(), c.set.Load()
	r := admin.Reload{Result: admin.ReloadRefused, Before: before, After: before, Chains: len(set.Chains), Findings: engine.Findings{}}
	if set.Profiles != nil {
		r.Profiles = &admin.ReloadProfiles{From: set.Profiles.Folder, Files: len(set.Profiles.Files)}
		if was.Profiles != nil {
			r.Profiles.Before, r.Profiles.After = was.Profiles.Revision(), was.Profiles.Revision()
		}
	}
	if c.ended {
		return r, engine.ErrDraining
	}
	chain, findings, err := c.compile(ctx, set)
	if err != nil {
		return r, err
	}
	now := &chainSet{FileSet: set, since: was.since, profilesSince: was.profilesSince}
	changed, findings, err := c.put(ctx, set, chain, findings, func(profiles bool) error {
		if profiles {
			now.profilesSince = c.now()
		}
		if chain.Revision() == before {
			c.set.Store(now) // other layout, other positions
			return chain.Close()
		}
		r.Result, r.After, now.since = admin.ReloadSwapped, chain.Revision(), c.now()
		c.set.Store(now)
		c.Engine.Swap(chain)
		return nil
	})
	r.Findings = append(r.Findings, masked(findings)...)
	if err != nil || findings.HasErrors() {
		return r, err
	}
	if set.Profiles != nil {
		r.Profiles.After, r.Profiles.Changed = set.Profiles.Revision(), changed
	}
	switch {
	case changed:
		r.Result = admin.ReloadSwapped
	case r.Result != admin.ReloadSwapped:
		r.Result = admin.ReloadUnchanged
	}
	return r, nil
}

// put writes the profiles of a set into the registry and calls swap, both or neither: nothing is written if there is an
// error among the findings, to which it adds what the registry has against the profiles, or if the store refuses. It takes
// the chain over, which is nil with an error among the findings, and returns once the disk has it all.
//
// Profiles are read by whoever decides on them, and who reads one waits for the disk. So the swap, which comes as soon as
// the batch is applied, comes before anything can rest on the new profiles; the other way round, messages that name a
// chain which is on its way wait for it in chainsInTurn.
func (c *Core) put(ctx context.Context, set FileSet, chain *engine.Chain, findings engine.Findings, swap func(profiles bool) error) (changed bool, _ engine.Findings, err error) {
	refuse := func(more engine.Findings, err error) (bool, engine.Findings, error) {
		if chain != nil {
			err = errors.Join(err, chain.Close())
		}
		return false, append(more, findings...), err
	}
	profiles := set.Profiles
	if profiles == nil {
		profiles = &profilefile.Set{}
	}
	if profiles.Findings.HasErrors() {
		return refuse(nil, nil)
	}
	in, tx, err := c.Registry.Begin(ctx, registry.TxOptions{Alone: true})
	if err != nil {
		return refuse(nil, err)
	}
	defer tx.Discard()
	changed, faults, err := c.Registry.UseFileProfiles(in, profiles.Profiles())
	if err != nil || len(faults) > 0 || chain == nil {
		return refuse(profiles.Faults(faults), err)
	}
	synced, err := tx.Commit(in, registry.Fate{})
	if err != nil {
		return refuse(nil, err)
	}
	err = swap(changed)
	if changed && c.Devices != nil {
		c.Devices.ForgetProfiles()
	}
	return changed, findings, errors.Join(err, synced(ctx), c.Registry.CountDevices(ctx))
}

// chainsInTurn is the engine for devices: what names a chain that is not there waits for a change of the set that is under
// way, since its profile may have come a moment before its chain.
type chainsInTurn struct{ *Core }

func (e chainsInTurn) Submit(ctx context.Context, m *engine.Message, done func(engine.Fate)) error {
	return e.inTurn(func() error { return e.Engine.Submit(ctx, m, done) })
}

func (e chainsInTurn) Store(ctx context.Context, ms []*engine.Message, done func(engine.Fate)) error {
	return e.inTurn(func() error { return e.Engine.Store(ctx, ms, done) })
}

func (e chainsInTurn) inTurn(hand func() error) error {
	err := hand()
	if !errors.Is(err, engine.ErrUnknownChain) {
		return err
	}
	e.swapping.Lock() // held until a change that is under way has come
	ended := e.ended
	e.swapping.Unlock()
	if ended {
		return err
	}
	return hand()
}

// compile is engine.Compile for this server: what profiles name must be there, whether they come from files or not. The
// chain is nil if there is an error among the findings.
func (c *Core) compile(ctx context.Context, set FileSet) (*engine.Chain, engine.Findings, error) {
	profiles, err := c.Registry.Profiles(ctx)
	if err != nil {
		return nil, nil, err
	}
	profiles = slices.DeleteFunc(profiles, func(p registry.Profile) bool { return p.Source != "" }) // they are in the set, or go
	chain, findings := engine.Compile(set.Chains, c.catalog, engine.CompileOptions{
		Root: chains.Root, Required: []string{chains.Provision}, Logger: c.log, Now: c.now,
	})
	var beside engine.Findings
	if set.Profiles != nil {
		beside = append(beside, set.Profiles.Findings...)
	}
	ids, known := chainIDs(chain, set.Chains)
	if known {
		beside = append(missingChains(profiles, set.Chains, ids), beside...)
		if set.Profiles != nil {
			beside = append(beside, set.Profiles.CheckChains(ids)...)
		}
	} else if rest := without(findings, missingChain); rest.HasErrors() {
		// A file that cannot be read so far may be the chain that seems to be missing: say only what is wrong with it.
		findings = rest
	}
	if beside.HasErrors() && chain != nil {
		err, chain = chain.Close(), nil
	}
	return chain, append(beside, findings...), err
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
