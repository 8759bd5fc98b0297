package server

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"
)

// certificateAge is how long a certificate that was renewed on disk may go unnoticed.
const certificateAge = 10 * time.Second

// certificate is the server's, read again when its files have changed: it is renewed every few weeks, and the server
// should not have to be started again for it.
type certificate struct {
	file, keyFile string
	now           func() time.Time
	log           zerolog.Logger

	mu      sync.Mutex // protects what follows
	current *tls.Certificate
	looked  time.Time
	changed [2]time.Time // of the files that current was read from, or that could not be read
}

// CertificateError is a certificate that cannot be used, or that is missing.
type CertificateError struct {
	err  error
	hint string
}

func (e *CertificateError) Error() string { return e.err.Error() }
func (e *CertificateError) Unwrap() error { return e.err }

// Hint is what mends it.
func (e *CertificateError) Hint() string { return e.hint }

// secure is how TLS is spoken; nil where no address needs it.
//
// A client may bring a certificate, and nobody else's signature on it is asked for: it is a credential like a password,
// known to the registry or not (ThingsBoard's X.509 credentials).
func (s *Server) secure() (*tls.Config, error) {
	wanted := s.options.secured()
	if len(wanted) == 0 {
		return nil, nil
	}
	o := s.options
	if o.CertificateFile == "" || o.CertificateKeyFile == "" {
		return nil, &CertificateError{
			fmt.Errorf("opening %s: there is no certificate", wanted[0]),
			"--tls-certificate-file and --tls-key-file name PEM files; --" + wanted[0] + " off goes without",
		}
	}
	c := &certificate{file: o.CertificateFile, keyFile: o.CertificateKeyFile, now: o.now, log: o.Logger}
	if err := c.read(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12, ClientAuth: tls.RequestClientCert,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.get(), nil },
	}, nil
}

// get is the certificate as it is on disk, or the last one that was good.
func (c *certificate) get() *tls.Certificate {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= certificateAge {
		c.looked = now
		if at := c.modified(); at != c.changed {
			if err := c.read(); err != nil {
				c.changed = at
				c.log.Error().Err(err).Str("event", "certificate_unreadable").Send()
			} else {
				c.log.Info().Str("event", "certificate_renewed").Time("until", c.current.Leaf.NotAfter).Send()
			}
		}
	}
	return c.current
}

// read reads the pair. Nobody else may use the certificate meanwhile.
func (c *certificate) read() error {
	at := c.modified()
	pair, err := tls.LoadX509KeyPair(c.file, c.keyFile)
	if err != nil {
		return &CertificateError{
			fmt.Errorf("reading the certificate %s with its key: %w", c.file, err),
			"both files are PEM, the key belongs to the first certificate in the other file",
		}
	}
	c.current, c.changed = &pair, at
	return nil
}

func (c *certificate) modified() (at [2]time.Time) {
	for i, file := range []string{c.file, c.keyFile} {
		if info, err := os.Stat(file); err == nil {
			at[i] = info.ModTime()
		}
	}
	return at
}
