package registry

import "github.com/gridtie/gridtie/engine/secret"

// CredentialsType is how a device proves who it is, named as ThingsBoard names it.
type CredentialsType string

const (
	AccessToken     CredentialsType = "ACCESS_TOKEN"
	MQTTBasic       CredentialsType = "MQTT_BASIC"
	X509Certificate CredentialsType = "X509_CERTIFICATE"
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

// Login is what a device connects with.
type Login struct {
	ClientID secret.Text
	UserName secret.Text
	Password secret.Text
	// HasUserName and HasPassword tell an empty one from none. It matters for the kind of refusal only.
	HasUserName bool
	HasPassword bool
	// Certificate is the client's leaf certificate in PEM or base64, if it came with one: nothing else is looked at then.
	Certificate secret.Text
}
