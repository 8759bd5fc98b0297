package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// Credentials are what a device proves with who it is, in clear.
type Credentials struct {
	Type        registry.CredentialsType `json:"type,omitempty" doc:"ACCESS_TOKEN (default), MQTT_BASIC or X509_CERTIFICATE"`
	Token       string                   `json:"token,omitempty" doc:"generated if nothing is given"`
	ClientID    string                   `json:"clientId,omitempty" doc:"of MQTT_BASIC"`
	UserName    string                   `json:"userName,omitempty" doc:"of MQTT_BASIC"`
	Password    string                   `json:"password,omitempty" doc:"of MQTT_BASIC"`
	Certificate string                   `json:"certificate,omitempty" doc:"of X509_CERTIFICATE: PEM, or its base64"`
}

func (a *api) changeCredentials(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[Credentials](r)
	if err != nil {
		return nil, err
	}
	d, err := a.find(ctx, r.PathValue("name"))
	if err != nil {
		return nil, err
	}
	given, err := a.Registry.ChangeCredentials(ctx, d.ID, in.secret())
	if err != nil {
		return nil, refused(err, fmt.Sprintf("device %q", d.Name))
	}
	a.Logger.Info().Str("device", d.ID).Str("event", "credentials_changed").Send()
	return revealed(given), nil
}

func (c Credentials) secret() registry.Credentials {
	return registry.Credentials{
		Type: c.Type, Token: secret.NewText(c.Token), ClientID: secret.NewText(c.ClientID), UserName: secret.NewText(c.UserName),
		Password: secret.NewText(c.Password), Certificate: secret.NewText(c.Certificate),
	}
}

func revealed(c registry.Credentials) Credentials {
	return Credentials{
		Type: c.Type, Token: c.Token.Reveal(), ClientID: c.ClientID.Reveal(), UserName: c.UserName.Reveal(),
		Password: c.Password.Reveal(), Certificate: c.Certificate.Reveal(),
	}
}

// refused says why a device cannot have that name, or those credentials.
func refused(err error, what string) error {
	var r *registry.Refusal
	switch {
	case !errors.As(err, &r):
		return known(err, what, "")
	case r.Reason == registry.RefusedName:
		return invalid(what+" cannot be called so", "at most 255 characters, without control characters and markup")
	case r.Reason == registry.RefusedCredentialsTaken:
		return problem(http.StatusConflict, CodeExists, "another device has these credentials", "")
	}
	return invalid("such credentials cannot be", "a token; a client id, a user name, or both, with a password only if there is a user name; or a certificate")
}
