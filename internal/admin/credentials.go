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
	given, err := a.Registry.ChangeCredentials(ctx, d.ID, registry.Credentials{
		Type: in.Type, Token: secret.NewText(in.Token), ClientID: secret.NewText(in.ClientID), UserName: secret.NewText(in.UserName),
		Password: secret.NewText(in.Password), Certificate: secret.NewText(in.Certificate),
	})
	var refusal *registry.Refusal
	switch {
	case errors.As(err, &refusal) && refusal.Reason == registry.RefusedCredentialsTaken:
		return nil, problem(http.StatusConflict, CodeExists, "another device has these credentials", "")
	case errors.As(err, &refusal):
		return nil, invalid("such credentials cannot be", "a token; a client id, a user name, or both, with a password only if there is a user name; or a certificate")
	case err != nil:
		return nil, known(err, fmt.Sprintf("device %q", d.Name), "")
	}
	a.Logger.Info().Str("device", d.ID).Str("event", "credentials_changed").Send()
	return Credentials{
		Type: given.Type, Token: given.Token.Reveal(), ClientID: given.ClientID.Reveal(), UserName: given.UserName.Reveal(),
		Password: given.Password.Reveal(), Certificate: given.Certificate.Reveal(),
	}, nil
}
