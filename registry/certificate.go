package registry

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"regexp"
	"strings"

	"github.com/gridtie/gridtie/engine/secret"
)

// CertificateChain is what a profile with the strategy X509Chain says about the devices that one certificate authority
// vouches for. The fields are those of ThingsBoard's X509CertificateChainProvisionConfiguration; the authority itself is the
// profile's provisioning key, see [AuthorityKey].
type CertificateChain struct {
	// CertificatePattern finds a device's name in the common name of its certificate: the first group of the first match. Go's syntax
	// (RE2), at most 256 bytes.
	CertificatePattern string `json:"certificateRegExPattern,omitempty"`
	// CreateByCertificate lets a certificate with an unknown name make a device.
	CreateByCertificate bool `json:"allowCreateNewDevicesByX509Certificate,omitempty"`
}

// maxPattern is the length of a pattern in bytes: it is compiled for each new certificate.
const maxPattern = 256

// authorityKey is the form of a certificate's hash, 32 bytes.
var authorityKey = regexp.MustCompile(`^[0-9a-f]{64}$`)

// check says what is wrong with it in a profile with that provisioning key, nil if nothing is.
func (c CertificateChain) check(key string) error {
	compiled, err := regexp.Compile(c.CertificatePattern)
	switch {
	case !authorityKey.MatchString(key):
		return fmt.Errorf("%w: with strategy %s the provisioning key is the hash of a certificate authority's certificate", ErrInvalid, X509Chain)
	case len(c.CertificatePattern) > maxPattern || err != nil:
		return fmt.Errorf("%w: pattern %.256q has more than %d bytes, or is no regular expression", ErrInvalid, c.CertificatePattern, maxPattern)
	case compiled.NumSubexp() == 0:
		return fmt.Errorf("%w: pattern %q has no group, which would be the device's name", ErrInvalid, c.CertificatePattern)
	}
	return nil
}

// DeviceName finds the name of a device in the common name of its certificate, empty if there is none.
func (c CertificateChain) DeviceName(commonName string) string {
	compiled, err := regexp.Compile(c.CertificatePattern)
	if err != nil {
		return ""
	}
	match := compiled.FindStringSubmatch(commonName)
	if len(match) < 2 {
		return ""
	}
	return match[1]
}

// CertificateText is a certificate as ThingsBoard writes it, and as a device has it for its credentials: base64 in one line.
func CertificateText(c *x509.Certificate) secret.Text {
	return secret.NewText(base64.StdEncoding.EncodeToString(c.Raw))
}

// CertificateHash is the id of a certificate, as ThingsBoard forms it: SHA3-256 of its text, in hexadecimal.
func CertificateHash(c *x509.Certificate) string { return sha3Hex(CertificateText(c).Reveal()) }

// AuthorityKey is the provisioning key of a profile that lets in the devices of a certificate authority. text is the
// authority's one certificate, in PEM or base64.
func AuthorityKey(text string) (string, error) {
	text = strings.TrimSpace(text)
	block, rest := pem.Decode([]byte(text))
	var der []byte
	switch {
	case block == nil:
		raw, err := base64.StdEncoding.DecodeString(oneLine(text))
		if err != nil {
			return "", fmt.Errorf("%w: a certificate is wanted, in PEM", ErrInvalid)
		}
		der = raw
	case block.Type != "CERTIFICATE":
		return "", fmt.Errorf("%w: a certificate is wanted, not a PEM block %.64q", ErrInvalid, block.Type)
	default:
		if more, _ := pem.Decode(rest); more != nil {
			return "", fmt.Errorf("%w: more than one certificate; the one that signs the devices' is wanted", ErrInvalid)
		}
		der = block.Bytes
	}
	c, err := x509.ParseCertificate(der)
	switch {
	case err != nil:
		return "", fmt.Errorf("%w: certificate: %w", ErrInvalid, err)
	case !c.BasicConstraintsValid || !c.IsCA:
		return "", fmt.Errorf("%w: the certificate of %q is not one that may sign others", ErrInvalid, c.Subject.CommonName)
	}
	return CertificateHash(c), nil
}

// AuthorityProfile returns the profile that lets in devices by that certificate of their authority's, or ErrNotFound. That the
// authority signed a device's certificate is for the caller to see to.
func (r *Registry) AuthorityProfile(ctx context.Context, authority *x509.Certificate) (Profile, error) {
	var p Profile
	err := r.read(ctx, func(t *Tx) error {
		return t.view(ctx, func() error {
			digest := r.keys.provisions.Digest(CertificateHash(authority))
			name, err := t.claimed(ctx, keyOf("profile/key").raw(digest.Bytes()))
			if err != nil {
				return err
			}
			if name == "" {
				return ErrNotFound
			}
			row, err := t.profile(ctx, name)
			if err != nil {
				return err
			}
			if row.Strategy != X509Chain {
				return ErrNotFound
			}
			p = row.Profile
			return nil
		})
	})
	return p, err
}

// vouched answers for a device whose certificate an authority has signed.
func (t *Tx) vouched(ctx context.Context, profile *profileRow, d *Device, name string, req ProvisionRequest) (Provisioned, error) {
	settled, err := req.Credentials.settle()
	switch {
	case err != nil:
		return Provisioned{}, err
	case settled.Type != X509Certificate:
		return Provisioned{}, &Refusal{Reason: RefusedCredentials}
	case d == nil && !profile.CreateByCertificate:
		return Provisioned{}, &Refusal{Reason: RefusedNotPreProvisioned}
	case d == nil:
		added, err := t.addDevice(ctx, Device{Name: name, Profile: profile.Name}, settled, profile.Limits.Devices, 0)
		return Provisioned{Device: added, Credentials: settled, Result: Created}, err
	case d.Profile != profile.Name:
		return Provisioned{}, &Refusal{Reason: RefusedNameTaken, Existing: d}
	case d.CredentialsType != X509Certificate: // an operator gave it another kind; that stays, as in ThingsBoard
		return Provisioned{}, &Refusal{Reason: RefusedCredentialsKind, Existing: d}
	}
	stored, err := t.revealCredentials(ctx, d.ID)
	if err != nil {
		return Provisioned{}, err
	}
	renewed := *d
	if !settled.equal(stored) {
		if renewed, err = t.changeCredentials(ctx, d, settled); err != nil {
			return Provisioned{}, err
		}
	}
	return Provisioned{Device: renewed, Credentials: settled, Result: Renewed}, nil
}
