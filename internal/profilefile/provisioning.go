package profilefile

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// certificates reads what stands in the place of key and secret in a profile that lets in whom an authority vouches for.
func (r *reader) certificates(p *profile) {
	const authority, pattern = "x509Certificate", "certificateRegExPattern"
	r.misplaced("devices that show a certificate need none", "provisionDeviceKey", "provisionDeviceSecret")
	p.CreateByCertificate = r.truth("allowCreateNewDevicesByX509Certificate", true)
	p.CertificatePattern = cmp.Or(r.at.Text(pattern, false), "(.+)")
	if err := registry.CheckCertificatePattern(p.CertificatePattern); err != nil {
		r.at.Member(pattern).Fault("value", plainly(err), `for example "([^@]+)@example[.]com": the first group is the device's name`)
	}
	p.key = r.at.Member(authority)
	text := p.key.String() // no secret: it may stand in the file
	if text == "" {
		var found secret.Text
		if p.keyName, found = r.secret(authority); p.keyName == "" || found.IsZero() {
			return
		}
		text = found.Reveal()
	}
	key, err := registry.AuthorityKey(text)
	if err != nil {
		p.key.Fault("value", plainly(err), "the certificate of the authority that signs those of the devices, in PEM")
		return
	}
	p.ProvisionKey = key
}

// misplaced reports fields that the strategy makes no use of.
func (r *reader) misplaced(why string, names ...string) {
	for _, name := range names {
		if at := r.at.Member(name); !at.IsZero() {
			at.Fault("value", fmt.Sprintf("%q has no place beside this strategy", name), why)
		}
	}
}

// plainly is an error of the registry without its sentinel, which the finding's code replaces.
func plainly(err error) string {
	return strings.TrimPrefix(err.Error(), registry.ErrInvalid.Error()+": ")
}

// provisioning reads key and secret, which every profile needs that provisions devices.
func (r *reader) provisioning(p *profile) {
	const key, text = "provisionDeviceKey", "provisionDeviceSecret"
	r.misplaced(`set "strategy" to "X509_CERTIFICATE_CHAIN"`, "x509Certificate", "certificateRegExPattern", "allowCreateNewDevicesByX509Certificate")
	p.key = r.at.Member(key)
	optional := p.Strategy == registry.ProvisionDisabled && p.key.IsZero() && r.at.Member(text).IsZero()
	if optional {
		return
	}
	var found secret.Text
	p.keyName, found = r.secret(key)
	p.ProvisionKey = found.Reveal()
	_, p.Secret = r.secret(text)
	if strings.ContainsFunc(p.ProvisionKey, unicode.IsControl) || len(p.ProvisionKey) > maxKey {
		p.key.Fault("secret", fmt.Sprintf("the provisioning key has control characters, or more than %d bytes", maxKey), "")
	}
}

// maxKey is the length of a provisioning key in bytes.
const maxKey = 1024

// secret reads a reference, and finds what it names. Whatever stands there instead may be the secret itself: it is not
// repeated.
func (r *reader) secret(name string) (string, secret.Text) {
	at := r.at.Member(name)
	const form = `write {"$secret": "name"}, and put the secret into a file of that name in the folder --secrets`
	switch {
	case at.IsZero():
		r.at.Fault("missing-field", fmt.Sprintf("%q is missing", name), form)
		return "", secret.Text{}
	case at.Kind() == '"':
		at.Fault("clear-secret", fmt.Sprintf("%q stands in clear", name), form+"; take another secret, since this one was in a file")
		return "", secret.Text{}
	case at.Kind() != '{':
		at.Fault("wrong-type", fmt.Sprintf("%q is %s; want the name of a secret", name, at.KindName()), form)
		return "", secret.Text{}
	}
	if !at.Known("$secret") || at.Member("$secret").Kind() != '"' {
		at.Fault("wrong-type", fmt.Sprintf("%q does not name a secret", name), form)
		return "", secret.Text{}
	}
	ref := at.Member("$secret")
	if !secretName.MatchString(ref.String()) {
		ref.Fault("value", "this is no name for a secret", "letters, digits, dots, hyphens and underscores, at most 64, the first a letter or digit")
		return "", secret.Text{}
	}
	if r.secrets == nil {
		return ref.String(), secret.Text{}
	}
	found, err := r.secrets.find(ref.String())
	switch {
	case errors.Is(err, errNoSecret):
		ref.Fault("secret", fmt.Sprintf("there is no secret %q", ref.String()), r.secrets.hint(ref.String()))
	case err != nil:
		ref.Fault("secret", fmt.Sprintf("the secret %q cannot be read: %v", ref.String(), err), r.secrets.hint(ref.String()))
	default:
		r.set.secrets[ref.String()] = found
	}
	return ref.String(), found
}
