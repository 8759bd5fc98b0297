package devices

import (
	"context"
	"crypto/x509"
	"errors"
	"net/netip"

	"github.com/gridtie/gridtie/registry"
)

// maxCertificates bounds how many certificates of one peer are looked at.
const maxCertificates = 10

// AuthenticateCertificate says who a device is that shows a certificate and has proved, in its handshake, that it holds the
// key to it. certificates begin with the device's own; it alone decides, if the registry knows it. What a device that is not
// known may show besides are those of the authorities that vouch for it: the profile of one of them may let it in, through
// the profile's provision chain (registry.X509Chain). Leave them out where that is not wanted.
//
// Times of validity are looked at here. Errors are registry.ErrNoCredentials, whatever is wrong with a certificate,
// ErrThrottled, a *RateError, or that of a registry that could not be asked.
func (s *Service) AuthenticateCertificate(ctx context.Context, from netip.Addr, certificates []*x509.Certificate) (*Session, error) {
	if len(certificates) == 0 || len(certificates) > maxCertificates {
		s.observer.LoggedIn(LoginEmpty)
		return nil, registry.ErrNoCredentials
	}
	leaf := certificates[0]
	l := registry.Login{Certificate: registry.CertificateText(leaf)}
	return s.authenticate(from, l, func() (registry.Device, error) {
		if !s.valid(leaf) {
			return registry.Device{}, registry.ErrNoCredentials
		}
		d, err := s.registry.Authenticate(ctx, l)
		if !errors.Is(err, registry.ErrNoCredentials) {
			return d, err
		}
		if err := s.vouched(ctx, certificates); err != nil {
			return registry.Device{}, err
		}
		return s.registry.Authenticate(ctx, l)
	})
}

// RecognizeCertificate is AuthenticateCertificate for a connection that has asked for nothing yet: it is no login, and costs
// and counts nothing.
func (s *Service) RecognizeCertificate(ctx context.Context, leaf *x509.Certificate) (*Session, error) {
	if !s.valid(leaf) {
		return nil, registry.ErrNoCredentials
	}
	d, err := s.registry.Authenticate(ctx, registry.Login{Certificate: registry.CertificateText(leaf)})
	if err != nil {
		return nil, err
	}
	return &Session{service: s, device: &d}, nil
}

// valid looks at a certificate's time.
func (s *Service) valid(leaf *x509.Certificate) bool {
	now := s.now()
	return !now.Before(leaf.NotBefore) && !now.After(leaf.NotAfter)
}

// vouched provisions a device whose certificate nobody knows, if the profile of an authority wants it. It waits until that is
// on disk. The error is registry.ErrNoCredentials if not.
func (s *Service) vouched(ctx context.Context, certificates []*x509.Certificate) error {
	leaf := certificates[0]
	for i, authority := range certificates[1:] {
		p, err := s.registry.AuthorityProfile(ctx, authority)
		if errors.Is(err, registry.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		name := p.DeviceName(leaf.Subject.CommonName)
		if name == "" || !s.signed(leaf, authority, certificates[1:i+1]) {
			return registry.ErrNoCredentials
		}
		return s.provisionVouched(ctx, p, registry.ProvisionRequest{
			Profile: p.Name, Name: name, Authority: registry.CertificateHash(authority),
			Credentials: registry.Credentials{Type: registry.X509Certificate, Certificate: registry.CertificateText(leaf)},
		})
	}
	return registry.ErrNoCredentials
}

// signed reports whether the authority signed the leaf, by way of those between. Certificates of authorities are public:
// anybody can show one beside a leaf that it never saw.
func (s *Service) signed(leaf, authority *x509.Certificate, between []*x509.Certificate) bool {
	o := x509.VerifyOptions{
		Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
		CurrentTime: s.now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	o.Roots.AddCert(authority)
	for _, c := range between {
		o.Intermediates.AddCert(c)
	}
	_, err := leaf.Verify(o)
	return err == nil
}

// errUndecided: the chain came to no end that was committed.
var errUndecided = errors.New("provisioning was not decided")

func (s *Service) provisionVouched(ctx context.Context, p registry.Profile, r registry.ProvisionRequest) error {
	name, err := registry.CleanName(r.Name)
	if err != nil {
		return registry.ErrNoCredentials
	}
	r.Name = name
	decided := make(chan Status, 1)
	s.decide(ctx, p, r, func(a ProvisionReply) {
		s.observer.Provisioned(a.Status)
		decided <- a.Status
	})
	select {
	case status := <-decided:
		switch status {
		case StatusSuccess:
			return nil
		case StatusUnavailable:
			return errUndecided
		}
		return registry.ErrNoCredentials
	case <-ctx.Done():
		return ctx.Err()
	}
}
