package registry

// Strategy says what a profile does with a device that asks to be provisioned.
type Strategy string

// The strategies, named as ThingsBoard names them.
const (
	AllowCreate         Strategy = "ALLOW_CREATE_NEW_DEVICES"      // an unknown name becomes a device
	CheckPreProvisioned Strategy = "CHECK_PRE_PROVISIONED_DEVICES" // only devices that were added before
	ProvisionDisabled   Strategy = "DISABLED"
)

// What Profile.Ack may be.
const (
	AckDone   = "done"   // a device's message is acknowledged when its fate is on disk
	AckStored = "stored" // when the message itself is
)

// Profile is what devices of one kind have in common. Its provisioning secret is not part of it: see
// [Registry.RevealProfile].
type Profile struct {
	Name         string   `json:"name"`
	ProvisionKey string   `json:"provisionKey"` // unique over the installation
	Strategy     Strategy `json:"strategy"`
	Fields       []Field  `json:"fields"`

	Chain          string `json:"chain,omitempty"`          // that data of its devices enters; empty for the root chain
	ProvisionChain string `json:"provisionChain,omitempty"` // that its provisioning requests enter

	CastStrings            bool   `json:"castStrings"`            // "12.5" in telemetry becomes 12.5, as in ThingsBoard
	AckOnValidationFailure bool   `json:"ackOnValidationFailure"` // MQTT 3: acknowledge a bad payload instead of closing
	Reprovision            bool   `json:"reprovision"`            // repeat the answer to a device that lost it
	Ack                    string `json:"ack"`                    // AckDone or AckStored
}

// Field tells intake under which names a device sends one of the two things that matter.
type Field struct {
	Name string `json:"name"` // "supplierKey" or "cups"
	// Aliases are names at the top of the payload, compared without case, or JSON pointers, which start with "/".
	Aliases []string `json:"aliases"`
}

// NewProfile returns a profile with the defaults: devices may be created, strings are cast, provisioning is repeatable.
func NewProfile(name string) Profile {
	return Profile{
		Name: name, Strategy: AllowCreate, Fields: DefaultFields(),
		CastStrings: true, Reprovision: true, Ack: AckDone,
	}
}

// DefaultFields returns the names that meters in the field use, a common misspelling included.
func DefaultFields() []Field {
	return []Field{
		{Name: "supplierKey", Aliases: []string{
			"supplierKey", "supplier_key", "Power_supplier_secret_key", "Power_suppier_secret_key", "powerSupplierSecretKey",
		}},
		{Name: "cups", Aliases: []string{"cups"}},
	}
}
