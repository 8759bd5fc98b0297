package registry

import "slices"

// Code is a published outcome. Codes are stable: they stand in metrics, logs, attributes and other people's programs.
type Code string

// The codes; [Codes] says what each of them means.
const (
	Attached                Code = "ATTACHED"
	AlreadyAttached         Code = "ALREADY_ATTACHED"
	Replaced                Code = "REPLACED"
	Held                    Code = "HELD"
	KeyMissing              Code = "KEY_MISSING"
	KeyUnknown              Code = "KEY_UNKNOWN"
	KeyNotYetValid          Code = "KEY_NOT_YET_VALID"
	KeyExpired              Code = "KEY_EXPIRED"
	KeyRevoked              Code = "KEY_REVOKED"
	KeyOutOfScope           Code = "KEY_OUT_OF_SCOPE"
	KeyExhausted            Code = "KEY_EXHAUSTED"
	KeyAmbiguous            Code = "KEY_AMBIGUOUS"
	CUPSMissing             Code = "CUPS_MISSING"
	CUPSMalformed           Code = "CUPS_MALFORMED"
	CUPSCheckFailed         Code = "CUPS_CHECK_FAILED"
	CUPSUnknown             Code = "CUPS_UNKNOWN"
	CUPSTaken               Code = "CUPS_TAKEN"
	DistributorUnknown      Code = "DISTRIBUTOR_UNKNOWN"
	CommodityMismatch       Code = "COMMODITY_MISMATCH"
	SupplierMismatch        Code = "SUPPLIER_MISMATCH"
	GridNotFound            Code = "GRID_NOT_FOUND"
	GridAmbiguous           Code = "GRID_AMBIGUOUS"
	DeviceAttachedElsewhere Code = "DEVICE_ATTACHED_ELSEWHERE"
	DeviceProvisioned       Code = "PROVISIONED"
	ProvisionRefused        Code = "PROVISION_REFUSED"
	Replayed                Code = "REPLAYED"
	RateLimited             Code = "RATE_LIMITED"
	ChainError              Code = "CHAIN_ERROR"
	ChainChanged            Code = "CHAIN_CHANGED"
	StoreUnavailable        Code = "STORE_UNAVAILABLE"
)

// What a device is told. It is coarser than the code itself, so that a device, or somebody who plays one, cannot find
// out which keys exist or which supply points are taken.
const (
	TellKeyRefused  Code = "KEY_REFUSED"
	TellCUPSRefused Code = "CUPS_REFUSED"
	TellTryAgain    Code = "TRY_AGAIN"
)

// CodeInfo is what a code means, to whom, and how each protocol says it.
type CodeInfo struct {
	Code       Code   `json:"code"`
	Meaning    string `json:"meaning"`    // one sentence for operators, without a full stop
	DeviceCode Code   `json:"deviceCode"` // what the device is told instead
	HTTPStatus int    `json:"httpStatus"`
	CoAPCode   string `json:"coapCode"`   // as in RFC 7252, for example "2.04"
	MQTTReason byte   `json:"mqttReason"` // of an MQTT 5 PUBACK
	Retry      bool   `json:"retry"`      // whether sending the same again may give another outcome
}

// Codes returns the table of all codes, in the order in which documentation lists them.
func Codes() []CodeInfo { return slices.Clone(codes[:]) }

// Lookup returns what a code means. A code that is not in the table gives false and a neutral description: a chain may
// set any code it likes, and the device is told it as it stands.
func Lookup(code Code) (CodeInfo, bool) {
	for i := range codes {
		if codes[i].Code == code {
			return codes[i], true
		}
	}
	return CodeInfo{
		Code: code, Meaning: "a code of the chain's own", DeviceCode: code,
		HTTPStatus: 200, CoAPCode: "2.04", MQTTReason: mqttSuccess,
	}, false
}

// MQTT 5 reason codes of a PUBACK (MQTT 5.0 section 3.4.2.1).
const (
	mqttSuccess       = 0x00
	mqttUnspecified   = 0x80
	mqttNotAuthorized = 0x87
	mqttQuota         = 0x97
	mqttBadPayload    = 0x99
)

// codes is never written to.
var codes = [...]CodeInfo{
	{Attached, "the meter is attached to supplier and grid", Attached, 200, "2.04", mqttSuccess, false},
	{AlreadyAttached, "the meter was attached to this supplier and supply point before", AlreadyAttached, 200, "2.04", mqttSuccess, false},
	{Replaced, "the meter's former attachment was closed and a new one opened", Replaced, 200, "2.04", mqttSuccess, false},
	{Held, "the attachment conflicts with another one and waits for an operator", TellCUPSRefused, 202, "2.04", mqttSuccess, true},
	{KeyMissing, "the message carries no supplier key", KeyMissing, 400, "4.00", mqttBadPayload, false},
	{KeyUnknown, "no supplier has this key", TellKeyRefused, 403, "4.03", mqttNotAuthorized, false},
	{KeyNotYetValid, "the key's validity begins after the message was received", TellKeyRefused, 403, "4.03", mqttNotAuthorized, true},
	{KeyExpired, "the key's validity had ended when the message was received", TellKeyRefused, 403, "4.03", mqttNotAuthorized, false},
	{KeyRevoked, "the key was revoked", TellKeyRefused, 403, "4.03", mqttNotAuthorized, false},
	{KeyOutOfScope, "the key may not attach this supply point or grid", TellKeyRefused, 403, "4.03", mqttNotAuthorized, false},
	{KeyExhausted, "the key has reached its number of attachments", TellKeyRefused, 403, "4.03", mqttNotAuthorized, true},
	{KeyAmbiguous, "more than one supplier has this key", TellKeyRefused, 403, "4.03", mqttNotAuthorized, false},
	{CUPSMissing, "the message carries no supply point", CUPSMissing, 400, "4.00", mqttBadPayload, false},
	{CUPSMalformed, "the supply point has not the shape of one", CUPSMalformed, 400, "4.00", mqttBadPayload, false},
	{CUPSCheckFailed, "the check letters do not belong to the supply point's digits", CUPSCheckFailed, 400, "4.00", mqttBadPayload, false},
	{CUPSUnknown, "the supplier has not announced this supply point", TellCUPSRefused, 403, "4.03", mqttNotAuthorized, true},
	{CUPSTaken, "another meter is the principal one of this supply point", TellCUPSRefused, 403, "4.03", mqttNotAuthorized, true},
	{DistributorUnknown, "no distributor in the directory has this supply point's code", TellCUPSRefused, 403, "4.03", mqttNotAuthorized, true},
	{CommodityMismatch, "the supply point is of another commodity than the supplier or the chain handles", TellCUPSRefused, 403, "4.03", mqttNotAuthorized, false},
	{SupplierMismatch, "the key belongs to another supplier than the one named", TellKeyRefused, 403, "4.03", mqttNotAuthorized, false},
	{GridNotFound, "the supply point belongs to no known grid", TellCUPSRefused, 403, "4.03", mqttNotAuthorized, true},
	{GridAmbiguous, "the supply point belongs to several grids and none of them is primary", TellCUPSRefused, 403, "4.03", mqttNotAuthorized, true},
	{DeviceAttachedElsewhere, "the meter is attached to another supplier or supply point", TellCUPSRefused, 403, "4.03", mqttNotAuthorized, true},
	{DeviceProvisioned, "the device has its credentials", DeviceProvisioned, 200, "2.01", mqttSuccess, false},
	{ProvisionRefused, "the device was not provisioned", "FAILURE", 200, "4.00", mqttSuccess, false},
	{Replayed, "the message was processed before", Replayed, 200, "2.04", mqttSuccess, false},
	{RateLimited, "more messages came than the limit allows", TellTryAgain, 429, "4.29", mqttQuota, true},
	{ChainError, "a chain failed on the message, which is kept as a dead letter", TellTryAgain, 500, "5.00", mqttUnspecified, true},
	{ChainChanged, "the place where the message waited is gone from the chains", TellTryAgain, 500, "5.00", mqttUnspecified, true},
	{StoreUnavailable, "the registry could not be written", TellTryAgain, 503, "5.03", mqttUnspecified, true},
}
