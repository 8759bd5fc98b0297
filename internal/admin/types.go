package admin

import (
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Profile is a profile as it is shown: without its provisioning key and secret.
type Profile struct {
	Name                   string            `json:"name"`
	Strategy               registry.Strategy `json:"strategy" doc:"what a device that asks to be provisioned gets"`
	Fields                 []registry.Field  `json:"fields" doc:"under which names devices send supplier key and supply point"`
	Chain                  string            `json:"chain,omitempty" doc:"that data of its devices enters; the root chain if absent"`
	ProvisionChain         string            `json:"provisionChain,omitempty" doc:"that provisioning requests enter"`
	CastStrings            bool              `json:"castStrings" doc:"numbers that come as text become numbers"`
	AckOnValidationFailure bool              `json:"ackOnValidationFailure" doc:"acknowledge a bad payload instead of closing the connection"`
	Reprovision            bool              `json:"reprovision" doc:"repeat the answer to a device that lost it"`
	Ack                    string            `json:"ack" doc:"done or stored: what an acknowledgement waits for"`
	Transport
	CertificateChain
	Limits registry.ProfileLimits `json:"limits,omitzero" doc:"what its devices may do at most; absent for none of its own"`
	registry.Assigned
	Source string `json:"source,omitempty" doc:"file that it comes from, and that alone changes it; absent for a profile that a command made"`
}

// HandOver says which way a profile goes.
type HandOver struct {
	Back bool `json:"back,omitempty" doc:"from its file to the registry"`
}

// Transport says what devices of a profile speak, and under which topics.
type Transport struct {
	TransportType            registry.TransportType `json:"transportType,omitempty" doc:"DEFAULT, MQTT or COAP"`
	TelemetryTopic           string                 `json:"deviceTelemetryTopic,omitempty" doc:"filter of topics, in the place of v1/devices/me/telemetry"`
	AttributesTopic          string                 `json:"deviceAttributesTopic,omitempty" doc:"filter of topics, in the place of v1/devices/me/attributes"`
	AttributesSubscribeTopic string                 `json:"deviceAttributesSubscribeTopic,omitempty" doc:"what devices may subscribe to, besides v1/devices/me/attributes"`
}

// CertificateChain says what devices are let in whose certificate an authority has signed.
type CertificateChain struct {
	CertificatePattern  string `json:"certificateRegExPattern,omitempty" doc:"finds the device's name in the common name of its certificate: the first group"`
	CreateByCertificate bool   `json:"allowCreateNewDevicesByX509Certificate,omitempty" doc:"a certificate with an unknown name makes a device"`
}

// NewProfile asks for a profile. What is left out has the default.
type NewProfile struct {
	Name            string            `json:"name"`
	Strategy        registry.Strategy `json:"strategy,omitempty"`
	ProvisionKey    string            `json:"provisionDeviceKey,omitempty" doc:"generated if absent"`
	ProvisionSecret string            `json:"provisionDeviceSecret,omitempty" doc:"generated if absent"`
	Chain           string            `json:"chain,omitempty"`
	ProvisionChain  string            `json:"provisionChain,omitempty"`
	Ack             string            `json:"ack,omitempty"`
	NoCastStrings   bool              `json:"noCastStrings,omitempty"`
	NoReprovision   bool              `json:"noReprovision,omitempty"`
	AckInvalid      bool              `json:"ackOnValidationFailure,omitempty"`
	Transport
	CertificateChain
	Limits    registry.ProfileLimits `json:"limits,omitzero"`
	Authority string                 `json:"x509Certificate,omitempty" doc:"of the authority, in PEM, for X509_CERTIFICATE_CHAIN: the provisioning key is made of it"`
}

// ChangedProfile changes a profile: what is left out stays as it is, and what is empty goes back to its default.
type ChangedProfile struct {
	Strategy                 *registry.Strategy      `json:"strategy,omitempty"`
	Chain                    *string                 `json:"chain,omitempty"`
	ProvisionChain           *string                 `json:"provisionChain,omitempty"`
	Ack                      *string                 `json:"ack,omitempty"`
	CastStrings              *bool                   `json:"castStrings,omitempty"`
	Reprovision              *bool                   `json:"reprovision,omitempty"`
	AckInvalid               *bool                   `json:"ackOnValidationFailure,omitempty"`
	TransportType            *registry.TransportType `json:"transportType,omitempty"`
	TelemetryTopic           *string                 `json:"deviceTelemetryTopic,omitempty"`
	AttributesTopic          *string                 `json:"deviceAttributesTopic,omitempty"`
	AttributesSubscribeTopic *string                 `json:"deviceAttributesSubscribeTopic,omitempty"`
	CertificatePattern       *string                 `json:"certificateRegExPattern,omitempty"`
	CreateByCertificate      *bool                   `json:"allowCreateNewDevicesByX509Certificate,omitempty"`
	Limits                   ChangedLimits           `json:"limits,omitzero"`
}

// ChangedLimits changes limits of a profile: 0, and an object without members, take a limit away.
type ChangedLimits struct {
	PayloadBytes       *int                 `json:"payloadBytes,omitempty"`
	Depth              *int                 `json:"depth,omitempty"`
	Values             *int                 `json:"values,omitempty"`
	Devices            *int                 `json:"devices,omitempty"`
	GatewayDevices     *int                 `json:"gatewayDevices,omitempty"`
	Rates              *registry.RateLimits `json:"rateLimits,omitempty"`
	GatewayRates       *registry.RateLimits `json:"gatewayRateLimits,omitempty"`
	GatewayDeviceRates *registry.RateLimits `json:"gatewayDeviceRateLimits,omitempty"`
	ProfileRates       *registry.RateLimits `json:"profileRateLimits,omitempty"`
}

func (c ChangedLimits) apply(l *registry.ProfileLimits) {
	set(&l.PayloadBytes, c.PayloadBytes, 0)
	set(&l.Depth, c.Depth, 0)
	set(&l.Values, c.Values, 0)
	set(&l.Devices, c.Devices, 0)
	set(&l.GatewayDevices, c.GatewayDevices, 0)
	set(&l.Rates, c.Rates, registry.RateLimits{})
	set(&l.GatewayRates, c.GatewayRates, registry.RateLimits{})
	set(&l.GatewayDeviceRates, c.GatewayDeviceRates, registry.RateLimits{})
	set(&l.ProfileRates, c.ProfileRates, registry.RateLimits{})
}

// RevealedProfile is a profile with what a device needs in order to be provisioned.
type RevealedProfile struct {
	Profile
	ProvisionKey    string `json:"provisionDeviceKey" doc:"in clear"`
	ProvisionSecret string `json:"provisionDeviceSecret" doc:"in clear"`
}

// Supplier is a supplier with its keys.
type Supplier struct {
	registry.Supplier
	Keys []Key `json:"keys"`
}

// Key is a supplier's key, of which nothing but a keyed hash is kept.
type Key struct {
	registry.SupplierKey
	State string `json:"state" doc:"usable, not-yet-valid, expired or revoked"`
}

// NewSupplier asks for a supplier.
type NewSupplier struct {
	Name      string          `json:"name"`
	ID        string          `json:"id,omitempty" doc:"made from the name if absent"`
	Trust     registry.Trust  `json:"trust,omitempty" doc:"key-only (default) or allow-list"`
	Policy    registry.Policy `json:"policy,omitempty" doc:"hold, same or replace"`
	Commodity string          `json:"commodity,omitempty" doc:"electricity or gas; any if absent"`
}

// NewKey asks for a key: a given one, or a generated one if key is absent.
type NewKey struct {
	Key            string         `json:"key,omitempty" doc:"in clear, on its way in only"`
	NotBefore      time.Time      `json:"notBefore,omitzero" doc:"inclusive"`
	NotAfter       time.Time      `json:"notAfter,omitzero" doc:"exclusive"`
	Scope          registry.Scope `json:"scope,omitzero"`
	MaxAttachments int            `json:"maxAttachments,omitempty" doc:"0 for any number"`
}

// AddedKey is a new key. A generated one is shown this once.
type AddedKey struct {
	Key
	Secret string `json:"key,omitempty" doc:"in clear, if it was generated"`
}

// Package is a package and to whom it is assigned.
type Package struct {
	registry.Package
	Profiles []string `json:"profiles" doc:"that it is assigned to"`
	Devices  int      `json:"devices" doc:"how many devices it is assigned to by themselves"`
}

// NewPackage describes a package whose content is the body of the request.
type NewPackage struct {
	Kind      registry.PackageKind
	Title     string
	Version   string
	File      string // name that devices see over HTTP; the title if empty
	Algorithm string // of the checksum; SHA256 if empty
	Checksum  string // that the content must have; any if empty
}

// Assignment says who is to load a package: the devices of a profile, or one device. To take one back, kind and whose it is
// are enough.
type Assignment struct {
	Kind    registry.PackageKind `json:"kind" doc:"firmware or software"`
	Title   string               `json:"title,omitempty"`
	Version string               `json:"version,omitempty"`
	Profile string               `json:"profile,omitempty"`
	Device  string               `json:"device,omitempty" doc:"name of a device; this or profile"`
}

// Assigned is what came of an assignment, or of its end.
type Assigned struct {
	Assignment
	Told int `json:"told" doc:"devices whose attributes have changed"`
}

// Device is a device and where it stands.
type Device struct {
	registry.Device
	Status   string               `json:"status" doc:"ATTACHED, HELD, the code of its last refusal, or NOT_ATTACHED"`
	Attached *registry.Attachment `json:"attachment,omitempty" doc:"the open one, or without one the held one"`
}

// DeviceDetail is everything that is known of one device, put so that nobody has to look ids up.
type DeviceDetail struct {
	Device
	SupplierName string                `json:"supplierName,omitempty"`
	GridName     string                `json:"gridName,omitempty"`
	Key          *Key                  `json:"key,omitempty" doc:"that the attachment was made with"`
	Last         *Outcome              `json:"lastOutcome,omitempty"`
	Explanation  string                `json:"explanation,omitempty" doc:"why the device is not attached, and what may mend it"`
	Outcomes     []Outcome             `json:"outcomes" doc:"newest first, at most ten"`
	History      []registry.Attachment `json:"history" doc:"attachments that were, newest first"`
}

// Outcome is what came of one message.
type Outcome struct {
	registry.Outcome
	Took    float64 `json:"took" doc:"seconds from arrival to decision"`
	Meaning string  `json:"meaning" doc:"of the code"`
}

// Page of a list: ask again with cursor=next while next is there.
type (
	// DevicePage is a page of devices.
	DevicePage struct {
		Devices []Device `json:"devices"`
		Next    string   `json:"next,omitempty"`
	}
	// SupplierPage is a page of suppliers.
	SupplierPage struct {
		Suppliers []Supplier `json:"suppliers"`
		Next      string     `json:"next,omitempty"`
	}
	// PackagePage is a page of packages.
	PackagePage struct {
		Packages []Package `json:"packages"`
		Next     string    `json:"next,omitempty"`
	}
	// OutcomePage is a page of outcomes, newest first.
	OutcomePage struct {
		Outcomes []Outcome `json:"outcomes"`
		Next     string    `json:"next,omitempty"`
	}
	// DeadLetterPage is a page of dead letters, newest first.
	DeadLetterPage struct {
		DeadLetters []registry.DeadLetter `json:"deadLetters"`
		Next        string                `json:"next,omitempty"`
	}
	// ProfileList is every profile.
	ProfileList struct {
		Profiles []Profile `json:"profiles"`
	}
	// GridList is every grid.
	GridList struct {
		Grids []registry.Grid `json:"grids"`
	}
)

// Status is how a server does.
type Status struct {
	Running   bool              `json:"running" doc:"false when the folder was read without a server"`
	Ready     bool              `json:"ready"`
	Problems  []string          `json:"problems" doc:"what an operator should look at"`
	Version   string            `json:"version"`
	Data      string            `json:"data" doc:"folder"`
	Started   time.Time         `json:"started,omitzero"`
	Addresses map[string]string `json:"addresses,omitempty" doc:"of listeners that are open"`
	Chains    ChainStatus       `json:"chains"`
	Profiles  *ProfileStatus    `json:"profiles,omitempty" doc:"absent without a folder of profiles"`
	Messages  MessageStatus     `json:"messages"`
	Sessions  int               `json:"sessions" doc:"devices connected"`
	Store     StoreStatus       `json:"store"`
}

// ChainStatus is what the server runs.
type ChainStatus struct {
	From     string         `json:"from" doc:"built in, or the folder"`
	Revision string         `json:"revision"`
	Since    time.Time      `json:"since,omitzero" doc:"when the revision came into force"`
	IDs      []string       `json:"ids"`
	Refused  *RefusedChains `json:"refused,omitempty" doc:"what the folder holds instead, if that cannot be used"`
}

// ProfileStatus is what a server has from its folder of profiles.
type ProfileStatus struct {
	From     string    `json:"from" doc:"folder"`
	Revision string    `json:"revision"`
	Since    time.Time `json:"since,omitzero" doc:"when these profiles came into force"`
	Names    []string  `json:"names"`
}

// RefusedChains is a changed set of chains, and of profiles, that did not replace the one in force.
type RefusedChains struct {
	Since    time.Time       `json:"since"`
	Findings engine.Findings `json:"findings"`
}

// MessageStatus counts messages since the start: in = done + deadLettered + abandoned + inFlight, at any moment.
type MessageStatus struct {
	In           uint64   `json:"in"`
	Done         uint64   `json:"done"`
	DeadLettered uint64   `json:"deadLettered"`
	Abandoned    uint64   `json:"abandoned"`
	InFlight     uint64   `json:"inFlight"`
	Slow         []string `json:"slow" doc:"nodes that hold a lane beyond their time"`
}

// StoreStatus is how far the disk has come.
type StoreStatus struct {
	Applied uint64 `json:"applied" doc:"newest state"`
	Synced  uint64 `json:"synced" doc:"newest state on disk"`
}
