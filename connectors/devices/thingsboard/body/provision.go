package body

import (
	"errors"
	"fmt"
	"strings"

	"github.com/gridtie/gridtie/connectors/devices"
	"github.com/gridtie/gridtie/connectors/intake"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
)

var (
	// ErrNoObject: the body is not a JSON object.
	ErrNoObject = errors.New("the body is not an object")
	// ErrNoRequest: it is one, but not a request.
	ErrNoRequest = errors.New("not a request")
)

// ReadProvision reads a provisioning request as ThingsBoard's JsonConverter does, the same for every protocol: values are
// read as strings, unknown members are ignored, null is not the same as absent. Errors are ErrNoObject or ErrNoRequest: they
// say what is wrong, and never repeat the request as ThingsBoard's do, secret included. From is left to the caller.
func ReadProvision(v intake.Value) (devices.ProvisionRequest, error) {
	if v.Kind() != intake.Object {
		return devices.ProvisionRequest{}, ErrNoObject
	}
	m := members{body: v}
	typ, typed := m.text("credentialsType")
	name, _ := m.text("deviceName")
	c := registry.Credentials{
		Type:        registry.CredentialsType(typ),
		Token:       m.secret("token"),
		ClientID:    m.secret("clientId"),
		UserName:    m.secret("username"),
		Password:    m.secret("password"),
		Certificate: m.secret("hash"), // the certificate's text, whatever the name says
	}
	gateway, _ := m.text("gateway")
	r := devices.ProvisionRequest{
		Key: m.required("provisionDeviceKey"), Secret: m.required("provisionDeviceSecret"),
		Name: name, Credentials: c, Gateway: strings.EqualFold(gateway, "true"),
	}
	if m.err != nil {
		return devices.ProvisionRequest{}, m.err
	}
	switch {
	case !typed:
		r.Credentials.Type = registry.AccessToken
	case !knownType(r.Credentials.Type):
		return devices.ProvisionRequest{}, fmt.Errorf("%w: unknown credentialsType", ErrNoRequest)
	}
	if c.Token.IsZero() && c.ClientID.IsZero() && c.UserName.IsZero() && c.Password.IsZero() && c.Certificate.IsZero() {
		// A device that brings nothing gets a token, whatever type it names (DeviceServiceImpl.saveDevice).
		r.Credentials = registry.Credentials{}
	}
	return r, nil
}

// lwm2m is a type that a request may name; no such credentials can be given with it, so that the registry refuses them.
const lwm2m registry.CredentialsType = "LWM2M_CREDENTIALS"

func knownType(t registry.CredentialsType) bool {
	switch t {
	case registry.AccessToken, registry.MQTTBasic, registry.X509Certificate, lwm2m:
		return true
	}
	return false
}

// members reads members as strings, and keeps the first error.
type members struct {
	body intake.Value
	err  error
}

func (m *members) text(name string) (text string, present bool) {
	v, present := m.body.Member(name)
	if !present {
		return "", false
	}
	text, ok := v.Text()
	if !ok && m.err == nil {
		m.err = fmt.Errorf("%w: %s is %s", ErrNoRequest, name, v.Kind())
	}
	return text, true
}

func (m *members) secret(name string) secret.Text {
	text, _ := m.text(name)
	return secret.NewText(text)
}

// required reads a member that must be there, though it may be empty.
func (m *members) required(name string) secret.Text {
	text, present := m.text(name)
	if !present && m.err == nil {
		m.err = fmt.Errorf("%w: %s is missing", ErrNoRequest, name)
	}
	return secret.NewText(text)
}

// Provision is the answer to a request, in ThingsBoard's order of keys, the same for every protocol.
func Provision(r devices.ProvisionReply) []byte {
	switch r.Status {
	case devices.StatusSuccess:
	case devices.StatusNotFound, devices.StatusThrottledAddress, devices.StatusThrottledKey:
		return []byte(`{"errorMsg":"Provision data was not found!","status":"NOT_FOUND"}`)
	default:
		return []byte(`{"errorMsg":"Failed to provision device!","status":"FAILURE"}`)
	}
	c := r.Credentials
	b := []byte(`{"credentialsValue":`)
	switch c.Type {
	case registry.MQTTBasic:
		b = Quote(append(b, `{"clientId":`...), c.ClientID.Reveal())
		b = Quote(append(b, `,"userName":`...), c.UserName.Reveal())
		b = Quote(append(b, `,"password":`...), c.Password.Reveal())
		b = append(b, '}')
	case registry.X509Certificate:
		b = Quote(b, c.Certificate.Reveal())
	default:
		b = Quote(b, c.Token.Reveal())
	}
	b = Quote(append(b, `,"credentialsType":`...), string(c.Type))
	return append(b, `,"status":"SUCCESS"}`...)
}
