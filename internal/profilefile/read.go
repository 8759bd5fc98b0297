package profilefile

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Limits of a profile file besides those of every document.
const maxAliases = 50 // of one field

// fieldNames are what a profile may say, in the order of the documentation.
func fieldNames() []string {
	return []string{
		"name", "strategy", "provisionDeviceKey", "provisionDeviceSecret", "x509Certificate", "certificateRegExPattern",
		"allowCreateNewDevicesByX509Certificate", "chain", "provisionChain", "fields", "castStrings",
		"reprovision", "ack", "ackOnValidationFailure", "transportType", "deviceTelemetryTopic", "deviceAttributesTopic",
		"deviceAttributesSubscribeTopic", "limits", "additionalInfo",
	}
}

// reader reads one file.
type reader struct {
	set     *Set
	secrets *Secrets
	at      engine.DocumentValue // the object "profile"
}

// read is false if the file says too little to go on with.
func (r *reader) read(f engine.File, findings *engine.Findings) (p profile, ok bool) {
	document := engine.ReadDocument(f, findings)
	if document.IsZero() || !document.Known("$schema", "profile", "additionalInfo") {
		return p, false
	}
	if r.at = document.Object("profile", `a profile file is {"profile": {"name": …}}`); r.at.IsZero() {
		return p, false
	}
	r.at.Known(fieldNames()...)
	p.Profile = registry.NewProfile(r.name())
	p.path, p.Source, p.canonical = f.Name, filepath.Base(f.Name), document.Canonical()
	p.name, p.chain, p.provisionChain = r.at.Member("name"), r.at.Member("chain"), r.at.Member("provisionChain")
	p.Strategy = choice(r, "strategy", p.Strategy, registry.AllowCreate, registry.CheckPreProvisioned, registry.ProvisionDisabled,
		registry.X509Chain)
	p.Chain, p.ProvisionChain = r.at.Text("chain", false), r.at.Text("provisionChain", false)
	p.CastStrings = r.truth("castStrings", p.CastStrings)
	p.Reprovision = r.truth("reprovision", p.Reprovision)
	p.AckOnValidationFailure = r.truth("ackOnValidationFailure", p.AckOnValidationFailure)
	p.Ack = choice(r, "ack", p.Ack, registry.AckDone, registry.AckStored)
	p.Fields = r.fields(p.Fields)
	p.Transport = r.transport()
	p.Limits = r.limits()
	if p.Strategy == registry.X509Chain {
		r.certificates(&p)
	} else {
		r.provisioning(&p)
	}
	return p, true
}

func (r *reader) name() string {
	name := r.at.Text("name", true)
	if name != "" && !registry.ValidProfileName(name) {
		r.at.Member("name").Fault("value", fmt.Sprintf("%q is no name for a profile", name),
			"use letters, digits, dots, hyphens and underscores, at most 64, the first a letter or digit")
	}
	return name
}

// choice reads one of a few words.
func choice[T ~string](r *reader, name string, otherwise T, words ...T) T {
	at := r.at.Member(name)
	if at.IsZero() {
		return otherwise
	}
	given := r.at.Text(name, true)
	if given == "" {
		return otherwise // reported
	}
	var texts []string
	for _, w := range words {
		if given == string(w) {
			return w
		}
		texts = append(texts, string(w))
	}
	at.Fault("value", fmt.Sprintf("%q is not allowed here", given), engine.Suggest(given, texts))
	return otherwise
}

func (r *reader) truth(name string, otherwise bool) bool {
	switch at := r.at.Member(name); at.Kind() {
	case 0:
		return otherwise
	case 't', 'f':
		return at.Kind() == 't'
	default:
		at.Fault("wrong-type", fmt.Sprintf("%q is %s; want true or false", name, at.KindName()), "")
		return otherwise
	}
}

// fields returns the declared fields: those that the file names with its aliases, the others with theirs. No field can be
// taken away, above all not the supplier key: what is not declared would stay in the payload in clear.
func (r *reader) fields(defaults []registry.Field) []registry.Field {
	items := r.at.Items("fields")
	var names []string
	claimed := map[string]string{} // alias → field, before the file's own are looked at
	for _, f := range defaults {
		names = append(names, f.Name)
		claimed[aliasKey(f.Name)] = f.Name // intake looks for a field under its name, too
		mentioned := func(at engine.DocumentValue) bool { return at.Member("name").String() == f.Name }
		for _, alias := range f.Aliases {
			if !slices.ContainsFunc(items, mentioned) {
				claimed[aliasKey(alias)] = f.Name
			}
		}
	}
	declared := map[string]bool{}
	for _, at := range items {
		if !at.Known("name", "aliases", "additionalInfo") {
			continue
		}
		name := at.Text("name", true)
		i := slices.Index(names, name)
		switch {
		case name == "":
			continue
		case i < 0:
			at.Member("name").Fault("value", fmt.Sprintf("there is no field %q to declare", name), engine.Suggest(name, names))
			continue
		case declared[name]:
			at.Member("name").Fault("value", fmt.Sprintf("the field %q is declared twice", name), "give all its aliases in one place")
			continue
		}
		declared[name] = true
		defaults[i].Aliases = r.aliases(at, name, claimed)
	}
	return defaults
}

// aliasKey is what two aliases have in common that intake cannot tell apart.
func aliasKey(alias string) string {
	if strings.HasPrefix(alias, "/") {
		return alias
	}
	return strings.ToLower(alias)
}

func (r *reader) aliases(field engine.DocumentValue, name string, claimed map[string]string) []string {
	at := field.Member("aliases")
	items := field.Items("aliases")
	switch {
	case at.IsZero() || at.Kind() == 'n' || at.Kind() == '[' && len(items) == 0:
		field.Fault("missing-field", fmt.Sprintf("the field %q has no alias", name), `for example "aliases": ["cups", "/point/cups"]`)
	case len(items) > maxAliases:
		at.Fault("too-large", fmt.Sprintf("%d aliases; at most %d are compared with each name of a payload", len(items), maxAliases), "")
	}
	var aliases []string
	for _, item := range items {
		if item.Kind() != '"' {
			item.Fault("wrong-type", fmt.Sprintf("an alias is %s; want a string", item.KindName()), "")
			continue
		}
		alias := item.String()
		if err := registry.CheckAlias(alias); err != nil {
			item.Fault("alias", plainly(err),
				`an alias is a name, or a JSON pointer such as "/meter/key", in which ~0 stands for ~ and ~1 for /`)
			continue
		}
		key := aliasKey(alias)
		sameKey := func(a string) bool { return aliasKey(a) == key }
		if other := claimed[key]; other != "" && other != name || slices.ContainsFunc(aliases, sameKey) {
			item.Fault("alias", fmt.Sprintf("the alias %q stands for field %q already", alias, cmp.Or(other, name)), "names are compared without regard to case")
			continue
		}
		claimed[key] = name
		aliases = append(aliases, alias)
	}
	return aliases
}

func (r *reader) transport() registry.Transport {
	// What is misspelt may have been meant for MQTT: its topics are no further fault.
	otherwise := registry.TransportMQTT
	if r.at.Member("transportType").IsZero() {
		otherwise = registry.TransportDefault
	}
	t := registry.Transport{
		TransportType: choice(r, "transportType", otherwise, registry.TransportDefault, registry.TransportMQTT, registry.TransportCoAP),
	}
	for name, to := range map[string]*string{
		"deviceTelemetryTopic": &t.TelemetryTopic, "deviceAttributesTopic": &t.AttributesTopic,
		"deviceAttributesSubscribeTopic": &t.AttributesSubscribeTopic,
	} {
		*to = r.at.Text(name, false)
		alone := registry.Transport{TransportType: t.TransportType, TelemetryTopic: *to} // each has the same rules
		if err := alone.CheckTransport(); err != nil {
			r.at.Member(name).Fault("value", plainly(err),
				`topics of a profile's own need "transportType": "MQTT", and have at most 256 bytes`)
		}
	}
	return t
}
