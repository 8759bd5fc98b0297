package action

import (
	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

// The events of provisioning have ThingsBoard's types and shapes (DeviceProvisionServiceImpl), and enter the root chain
// as they do there, but for a device behind a gateway. ThingsBoard puts the profile's secret into them; here "***" stands in
// its place, and the credentials that the device asked for are left empty.

type provisionBody struct {
	DeviceName      string                   `json:"deviceName"`
	CredentialsType registry.CredentialsType `json:"credentialsType"`
	CredentialsData struct {
		Token        string `json:"token"`
		ClientID     string `json:"clientId"`
		UserName     string `json:"username"`
		Password     string `json:"password"`
		X509CertHash string `json:"x509CertHash"`
	} `json:"credentialsData"`
	Credentials struct {
		Key    string `json:"provisionDeviceKey"`
		Secret string `json:"provisionDeviceSecret"`
	} `json:"credentials"`
	Gateway bool `json:"gateway"`
}

func createdEvent(cause *engine.Message, d registry.Device, chain string, more ...engine.Pair) (*engine.Message, error) {
	return event("ENTITY_CREATED", chain, cause, d, d.Entity(), more...)
}

func provisionEvent(typ string, cause *engine.Message, d registry.Device, credentials registry.CredentialsType) (*engine.Message, error) {
	body := provisionBody{DeviceName: d.Name, CredentialsType: credentials, Gateway: d.Gateway}
	body.Credentials.Key, body.Credentials.Secret = secret.Redacted, secret.Redacted
	return event(typ, "", cause, d, body)
}

func event(typ, chain string, cause *engine.Message, d registry.Device, body any, more ...engine.Pair) (*engine.Message, error) {
	data, err := engine.EncodeData(body)
	if err != nil {
		return nil, err
	}
	return engine.NewMessage(engine.Header{
		Type: typ, Chain: chain,
		Origin: engine.Origin{Type: originDevice, ID: d.ID, Name: d.Name, Profile: d.Profile},
		Time:   cause.Time(),
		Meta:   append([]engine.Pair{{Key: "deviceName", Value: d.Name}, {Key: "deviceType", Value: d.Profile}}, more...),
	}, data), nil
}
