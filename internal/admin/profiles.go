package admin

import (
	"cmp"
	"context"
	"fmt"
	"net/http"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

func shown(p registry.Profile) Profile {
	return Profile{
		Name: p.Name, Strategy: p.Strategy, Fields: p.Fields, Chain: p.Chain, ProvisionChain: p.ProvisionChain,
		CastStrings: p.CastStrings, AckOnValidationFailure: p.AckOnValidationFailure, Reprovision: p.Reprovision, Ack: p.Ack,
		Transport: Transport{
			TransportType:  cmp.Or(p.TransportType, registry.TransportDefault),
			TelemetryTopic: p.TelemetryTopic, AttributesTopic: p.AttributesTopic, AttributesSubscribeTopic: p.AttributesSubscribeTopic,
		},
		CertificateChain: CertificateChain(p.CertificateChain),
		Limits:           p.Limits,
		Assigned:         p.Assigned,
		Source:           p.Source,
	}
}

func profileNamed(name string) (what, hint string) {
	return fmt.Sprintf("profile %q", name), "gridtie profiles list"
}

func (a *api) profiles(ctx context.Context, _ *http.Request) (any, error) {
	all, err := a.Registry.Profiles(ctx)
	if err != nil {
		return nil, err
	}
	list := ProfileList{Profiles: []Profile{}}
	for _, p := range all {
		list.Profiles = append(list.Profiles, shown(p))
	}
	return list, nil
}

func (a *api) addProfile(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[NewProfile](r)
	if err != nil {
		return nil, err
	}
	p := registry.NewProfile(in.Name)
	p.ProvisionKey = in.ProvisionKey
	p.Strategy = cmp.Or(in.Strategy, p.Strategy)
	p.Chain, p.ProvisionChain, p.Ack = in.Chain, in.ProvisionChain, cmp.Or(in.Ack, p.Ack)
	p.CastStrings, p.Reprovision, p.AckOnValidationFailure = !in.NoCastStrings, !in.NoReprovision, in.AckInvalid
	p.Transport = registry.Transport(in.Transport)
	p.CertificateChain = registry.CertificateChain(in.CertificateChain)
	p.Limits = in.Limits
	what, hint := profileNamed(in.Name)
	if in.Authority != "" {
		if p.ProvisionKey, err = registry.AuthorityKey(in.Authority); err != nil {
			return nil, known(err, what, hint)
		}
	}
	p, err = a.Registry.AddProfile(ctx, p, secret.NewText(in.ProvisionSecret))
	if err != nil {
		return nil, known(err, what, hint)
	}
	return shown(p), nil
}

// changeProfile changes what the request names.
func (a *api) changeProfile(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[ChangedProfile](r)
	if err != nil {
		return nil, err
	}
	fresh := registry.NewProfile("")
	name := r.PathValue("name")
	p, err := a.Registry.ChangeProfile(ctx, name, func(p *registry.Profile) {
		set(&p.Strategy, in.Strategy, fresh.Strategy)
		set(&p.Chain, in.Chain, "")
		set(&p.ProvisionChain, in.ProvisionChain, "")
		set(&p.Ack, in.Ack, fresh.Ack)
		set(&p.CastStrings, in.CastStrings, false)
		set(&p.Reprovision, in.Reprovision, false)
		set(&p.AckOnValidationFailure, in.AckInvalid, false)
		set(&p.TransportType, in.TransportType, fresh.TransportType)
		set(&p.TelemetryTopic, in.TelemetryTopic, "")
		set(&p.AttributesTopic, in.AttributesTopic, "")
		set(&p.AttributesSubscribeTopic, in.AttributesSubscribeTopic, "")
		set(&p.CertificatePattern, in.CertificatePattern, "")
		set(&p.CreateByCertificate, in.CreateByCertificate, false)
		in.Limits.apply(&p.Limits)
	})
	if err != nil {
		what, hint := profileNamed(name)
		return nil, known(err, what, hint)
	}
	a.Logger.Info().Str("profile", name).Str("event", "profile_changed").Send()
	return shown(p), nil
}

func (a *api) deleteProfile(ctx context.Context, r *http.Request) (any, error) {
	name := r.PathValue("name")
	if err := a.Registry.DeleteProfile(ctx, name); err != nil {
		what, hint := profileNamed(name)
		return nil, known(err, what, hint)
	}
	a.Logger.Info().Str("profile", name).Str("event", "profile_deleted").Send()
	return nil, nil
}

func (a *api) handOverProfile(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[HandOver](r)
	if err != nil {
		return nil, err
	}
	name := r.PathValue("name")
	p, err := a.Registry.HandOverProfile(ctx, name, in.Back)
	if err != nil {
		what, hint := profileNamed(name)
		return nil, known(err, what, hint)
	}
	a.Logger.Info().Str("profile", name).Bool("back", in.Back).Str("event", "profile_handed_over").Send()
	return shown(p), nil
}

// set takes a value over if there is one; an empty one stands for the default.
func set[T comparable](to, from *T, empty T) {
	var zero T
	switch {
	case from == nil:
	case *from == zero:
		*to = empty
	default:
		*to = *from
	}
}

func (a *api) profile(ctx context.Context, r *http.Request) (any, error) {
	p, err := a.Registry.Profile(ctx, r.PathValue("name"))
	if err != nil {
		what, hint := profileNamed(r.PathValue("name"))
		return nil, known(err, what, hint)
	}
	return shown(p), nil
}

func (a *api) revealProfile(ctx context.Context, r *http.Request) (any, error) {
	name := r.PathValue("name")
	p, err := a.Registry.Profile(ctx, name)
	if err != nil {
		what, hint := profileNamed(name)
		return nil, known(err, what, hint)
	}
	key, text, err := a.Registry.RevealProfile(ctx, name)
	if err != nil {
		return nil, err
	}
	a.Logger.Info().Str("profile", name).Str("event", "provisioning_secret_shown").Send()
	return RevealedProfile{Profile: shown(p), ProvisionKey: key.Reveal(), ProvisionSecret: text.Reveal()}, nil
}
