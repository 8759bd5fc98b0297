package registry

import (
	"context"
	"crypto/sha3"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gridtie/gridtie/engine/secret"
)

// CredentialsType is how a device proves who it is, named as ThingsBoard names it.
type CredentialsType string

const (
	AccessToken     CredentialsType = "ACCESS_TOKEN"
	MQTTBasic       CredentialsType = "MQTT_BASIC"
	X509Certificate CredentialsType = "X509_CERTIFICATE"
)

// Limits of what a device may ask for, in bytes.
const (
	maxCredential  = 1024
	maxCertificate = 32 << 10
)

// Credentials are what a device was given or asks for. Every part of them can let somebody in (a client id alone may be
// a credential), so every part is a secret.
type Credentials struct {
	Type        CredentialsType `json:"type"`
	Token       secret.Text     `json:"token,omitzero"`       // ACCESS_TOKEN
	ClientID    secret.Text     `json:"clientId,omitzero"`    // MQTT_BASIC
	UserName    secret.Text     `json:"userName,omitzero"`    // MQTT_BASIC
	Password    secret.Text     `json:"password,omitzero"`    // MQTT_BASIC
	Certificate secret.Text     `json:"certificate,omitzero"` // X509_CERTIFICATE: the text, one line when given back
}

// blank tells that nothing was asked for, whatever the type says.
func (c Credentials) blank() bool {
	return c.Token.IsZero() && c.ClientID.IsZero() && c.UserName.IsZero() && c.Password.IsZero() && c.Certificate.IsZero()
}

// settle returns the credentials that a request leads to, or a Refusal. The rules are those of ThingsBoard's
// DeviceServiceImpl.saveDevice: without any credential in the request a token is made, whatever the type says.
func (c Credentials) settle() (Credentials, error) {
	if c.blank() {
		return Credentials{Type: AccessToken, Token: secret.Token()}, nil
	}
	refused := &Refusal{Reason: RefusedCredentials}
	for _, part := range []secret.Text{c.Token, c.ClientID, c.UserName, c.Password} {
		if text := part.Reveal(); len(text) > maxCredential || hasControl(text) {
			return Credentials{}, refused
		}
	}
	switch c.Type {
	case AccessToken, "":
		if c.Token.IsZero() {
			return Credentials{}, refused
		}
		return Credentials{Type: AccessToken, Token: c.Token}, nil
	case MQTTBasic:
		if c.UserName.IsZero() && (c.ClientID.IsZero() || !c.Password.IsZero()) {
			return Credentials{}, refused
		}
		return Credentials{Type: MQTTBasic, ClientID: c.ClientID, UserName: c.UserName, Password: c.Password}, nil
	case X509Certificate:
		text := oneLine(c.Certificate.Reveal())
		if text == "" || len(text) > maxCertificate || hasControl(text) {
			return Credentials{}, refused
		}
		return Credentials{Type: X509Certificate, Certificate: secret.NewText(text)}, nil
	}
	return Credentials{}, refused
}

// equal compares credentials that settle returned.
func (c Credentials) equal(o Credentials) bool {
	same := c.Type == o.Type
	same = c.Token.Equal(o.Token) && same
	same = c.ClientID.Equal(o.ClientID) && same
	same = c.UserName.Equal(o.UserName) && same
	same = c.Password.Equal(o.Password) && same
	return c.Certificate.Equal(o.Certificate) && same
}

// id is what ThingsBoard calls the credentials id: no two devices have the same. It is kept only as a keyed digest.
func (c Credentials) id() string {
	switch c.Type {
	case MQTTBasic:
		switch {
		case c.ClientID.IsZero():
			return c.UserName.Reveal()
		case c.UserName.IsZero():
			return sha3Hex(c.ClientID.Reveal())
		}
		return sha3Hex(c.ClientID.Reveal() + "|" + c.UserName.Reveal())
	case X509Certificate:
		return sha3Hex(c.Certificate.Reveal())
	}
	return c.Token.Reveal()
}

// sha3Hex is ThingsBoard's EncryptionUtil.getSha3Hash.
func sha3Hex(text string) string {
	sum := sha3.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}

// oneLine brings a certificate into the form that ThingsBoard hashes: without frame and line breaks.
func oneLine(certificate string) string {
	return strings.NewReplacer("-----BEGIN CERTIFICATE-----", "", "-----END CERTIFICATE-----", "", "\r", "", "\n", "").
		Replace(certificate)
}

// credentialsRow keeps what has to be given back sealed, and what is looked up or compared as digests.
type credentialsRow struct {
	Device string   `json:"dev"`
	Sealed []byte   `json:"s"`
	ID     []byte   `json:"id"` // digest of the credentials id
	Login  loginRow `json:"l"`
}

// loginRow is found by a credentials id. It holds all that Authenticate compares.
type loginRow struct {
	Device   string          `json:"d"`
	Type     CredentialsType `json:"t"`
	ClientID bool            `json:"c,omitempty"` // the credential has one
	UserName bool            `json:"u,omitempty"`
	Password []byte          `json:"p,omitempty"` // digest, if it has one
}

var credentials = table[credentialsRow]{
	name: "credentials",
	key:  func(c *credentialsRow) tuple { return credentialsKey(c.Device) },
	index: func(c *credentialsRow, add func(tuple, []byte)) {
		login, _ := json.Marshal(c.Login) // plain fields only
		add(keyOf("credentials/id").raw(c.ID), login)
	},
	indexes: []string{"credentials/id"},
}

func credentialsKey(device string) tuple { return keyOf("credentials").text(device) }

// clear is the sealed form.
type clearCredentials struct {
	Type        CredentialsType `json:"t"`
	Token       string          `json:"k,omitempty"`
	ClientID    string          `json:"c,omitempty"`
	UserName    string          `json:"u,omitempty"`
	Password    string          `json:"p,omitempty"`
	Certificate string          `json:"x,omitempty"`
}

// putCredentials gives a device its credentials, in the place of old, nil for a new one. A Refusal if another device has
// the same.
func (t *Tx) putCredentials(ctx context.Context, old *credentialsRow, device string, c Credentials) error {
	k := &t.r.keys
	id := k.login.Digest(c.id())
	row := credentialsRow{Device: device, ID: id.Bytes(), Login: loginRow{
		Device: device, Type: c.Type, ClientID: !c.ClientID.IsZero(), UserName: !c.UserName.IsZero(),
	}}
	if !c.Password.IsZero() {
		digest := passwordDigest(k, device, c.Password)
		row.Login.Password = digest.Bytes()
	}
	taken, err := readRow[loginRow](ctx, t, "credentials/id", keyOf("credentials/id").raw(row.ID), true)
	if err != nil {
		return err
	}
	if taken != nil && taken.Device != device {
		return &Refusal{Reason: RefusedCredentialsTaken}
	}
	plain, err := json.Marshal(clearCredentials{
		c.Type, c.Token.Reveal(), c.ClientID.Reveal(), c.UserName.Reveal(), c.Password.Reveal(), c.Certificate.Reveal(),
	})
	if err != nil {
		return err
	}
	if row.Sealed, err = k.seal.Seal(plain, credentialsKey(device)); err != nil {
		return err
	}
	return credentials.put(t, old, &row)
}

// The device is part of it, so that equal passwords of two devices do not look equal.
func passwordDigest(k *keys, device string, password secret.Text) secret.Digest {
	return k.password.Digest(device + "\x00" + password.Reveal())
}

// revealCredentials opens what a device was given.
func (t *Tx) revealCredentials(ctx context.Context, device string) (Credentials, error) {
	row, err := credentials.get(ctx, t, credentialsKey(device))
	if err != nil {
		return Credentials{}, err
	}
	if row == nil {
		return Credentials{}, fmt.Errorf("credentials of device %q: %w", device, ErrNotFound)
	}
	plain, err := t.r.keys.seal.Open(row.Sealed, credentialsKey(device))
	if err != nil {
		return Credentials{}, fmt.Errorf("credentials of device %q: %w", device, err)
	}
	var c clearCredentials
	if err := decode("credentials", plain, &c); err != nil {
		return Credentials{}, err
	}
	return Credentials{
		c.Type, secret.NewText(c.Token), secret.NewText(c.ClientID), secret.NewText(c.UserName),
		secret.NewText(c.Password), secret.NewText(c.Certificate),
	}, nil
}

// RevealCredentials returns what a device was given, or ErrNotFound.
func (r *Registry) RevealCredentials(ctx context.Context, device string) (Credentials, error) {
	var c Credentials
	err := r.read(ctx, func(t *Tx) (err error) {
		c, err = t.revealCredentials(ctx, device)
		return err
	})
	return c, err
}
