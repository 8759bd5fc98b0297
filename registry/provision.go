package registry

// ProvisionRequest asks for a device. The profile's key and secret have been checked ([Registry.CheckProvisioning]).
type ProvisionRequest struct {
	Profile     string
	Name        string      // empty: one is made
	Credentials Credentials // as the device asked for them; the zero value asks for a token
	Gateway     bool
}

// ProvisionResult tells what Provision did.
type ProvisionResult string

const (
	Created  ProvisionResult = "created"  // a new device
	Repeated ProvisionResult = "repeated" // the same answer to a device that asked again
	Claimed  ProvisionResult = "claimed"  // a device that was added before has come for its credentials
)

// Provisioned is the answer to a request that was granted.
type Provisioned struct {
	Device      Device
	Credentials Credentials
	Result      ProvisionResult
}

// RefusalReason is why a device was not provisioned. Devices are never told: they get FAILURE.
type RefusalReason string

const (
	RefusedDisabled           RefusalReason = "provisioning is disabled"
	RefusedName               RefusalReason = "invalid name"
	RefusedNameTaken          RefusalReason = "name is taken"
	RefusedCredentials        RefusalReason = "invalid credentials"
	RefusedCredentialsTaken   RefusalReason = "credentials are taken"
	RefusedNotPreProvisioned  RefusalReason = "not pre-provisioned"
	RefusedAlreadyProvisioned RefusalReason = "already provisioned"
)

// Refusal is the error of a request that cannot be granted. Nothing was written.
type Refusal struct {
	Reason   RefusalReason
	Existing *Device // the device that stands in the way, if one does
}

// Error names the reason and nothing of the request.
func (r *Refusal) Error() string { return "provisioning a device: " + string(r.Reason) }
