package registry

import (
	"context"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry/store"
	"github.com/gridtie/gridtie/supplypoint"
)

func Open(ctx context.Context, s store.Store, o Options) (*Registry, error)              { panic("") }
func (r *Registry) Close() error                                                         { panic("") }
func (r *Registry) Begin(ctx context.Context, o TxOptions) (context.Context, *Tx, error) { panic("") }
func (t *Tx) Mark() int                                                                  { panic("") }
func (t *Tx) Rollback(mark int)                                                          { panic("") }
func (t *Tx) Flush(ctx context.Context) error                                            { panic("") }
func (t *Tx) Commit(ctx context.Context, f Fate) (synced func(context.Context) error, err error) {
	panic("")
}
func (t *Tx) Discard() { panic("") }

// profiles
func (r *Registry) AddProfile(ctx context.Context, p Profile, s secret.Text) (Profile, error) {
	panic("")
}                                                                                 // empty key, zero secret: generated
func (r *Registry) UpdateProfile(ctx context.Context, p Profile) (Profile, error) { panic("") } // keeps key and secret if ProvisionKey is empty or the same
func (r *Registry) DeleteProfile(ctx context.Context, name string) error          { panic("") }
func (r *Registry) Profile(ctx context.Context, name string) (Profile, error)     { panic("") }
func (r *Registry) Profiles(ctx context.Context) ([]Profile, error)               { panic("") }
func (r *Registry) RevealProfile(ctx context.Context, name string) (key, s secret.Text, err error) {
	panic("")
}

// devices
func (r *Registry) CheckProvisioning(ctx context.Context, key string, s secret.Text) (Profile, error) {
	panic("")
}
func CleanName(name string) (string, error) { panic("") } // trimmed, or made when empty; *Refusal
func (r *Registry) Provision(ctx context.Context, req ProvisionRequest) (Provisioned, error) {
	panic("")
}
func (r *Registry) AddDevice(ctx context.Context, d Device, c Credentials) (Device, Credentials, error) {
	panic("")
}                                                                             // by an operator: pre-provisioned
func (r *Registry) Authenticate(ctx context.Context, l Login) (Device, error) { panic("") }
func (r *Registry) AuthenticateToken(ctx context.Context, token secret.Text) (Device, error) {
	panic("")
}                                                                                 // HTTP, CoAP
func (r *Registry) Device(ctx context.Context, id string) (Device, error)         { panic("") }
func (r *Registry) DeviceByName(ctx context.Context, name string) (Device, error) { panic("") }
func (r *Registry) Devices(ctx context.Context, p Page) (devices []Device, next string, err error) {
	panic("")
}
func (r *Registry) DeleteDevice(ctx context.Context, id string) error { panic("") }
func (r *Registry) RevealCredentials(ctx context.Context, device string) (Credentials, error) {
	panic("")
}

// suppliers
func (r *Registry) AddSupplier(ctx context.Context, s Supplier) (Supplier, error)    { panic("") } // empty ID: from the name
func (r *Registry) UpdateSupplier(ctx context.Context, s Supplier) (Supplier, error) { panic("") }
func (r *Registry) Supplier(ctx context.Context, id string) (Supplier, error)        { panic("") }
func (r *Registry) Suppliers(ctx context.Context, p Page) (suppliers []Supplier, next string, err error) {
	panic("")
}
func (r *Registry) AddKey(ctx context.Context, k SupplierKey, text secret.Text) (SupplierKey, secret.Text, error) {
	panic("")
}                                                                                    // zero text: generated and returned, once
func (r *Registry) RevokeKey(ctx context.Context, id string) (SupplierKey, error)    { panic("") }
func (r *Registry) Key(ctx context.Context, id string) (SupplierKey, error)          { panic("") }
func (r *Registry) Keys(ctx context.Context, supplier string) ([]SupplierKey, error) { panic("") }
func (r *Registry) Allow(ctx context.Context, supplier string, points ...supplypoint.Point) error {
	panic("")
}
func (r *Registry) Disallow(ctx context.Context, supplier string, points ...supplypoint.Point) error {
	panic("")
}
func (r *Registry) KeyDigest(text string) secret.Digest { panic("") }
func (r *Registry) SupplierByKey(ctx context.Context, d secret.Digest, at time.Time) (KeyMatch, error) {
	panic("")
}
func (r *Registry) InScope(ctx context.Context, key string, p supplypoint.Point, grid string) (Code, error) {
	panic("")
} // "", KEY_OUT_OF_SCOPE, CUPS_UNKNOWN

// grids
func DefaultDistributors() []Distributor                                        { panic("") }
func (r *Registry) SetDistributors(ctx context.Context, ds []Distributor) error { panic("") }
func (r *Registry) Distributors(ctx context.Context) ([]Distributor, error)     { panic("") }
func (r *Registry) AddGrid(ctx context.Context, g Grid) (Grid, error)           { panic("") }
func (r *Registry) Grid(ctx context.Context, id string) (Grid, error)           { panic("") }
func (r *Registry) Grids(ctx context.Context) ([]Grid, error)                   { panic("") }
func (r *Registry) AddMembership(ctx context.Context, m Membership) error       { panic("") }
func (r *Registry) RemoveMembership(ctx context.Context, p supplypoint.Point, grid string) error {
	panic("")
}
func (r *Registry) Memberships(ctx context.Context, p supplypoint.Point) ([]Membership, error) {
	panic("")
}
func (r *Registry) GridOf(ctx context.Context, p supplypoint.Point) (GridMatch, error) { panic("") }

// attachments
func (r *Registry) Attach(ctx context.Context, req AttachRequest) (Attachment, Code, error) {
	panic("")
}
func (r *Registry) Detach(ctx context.Context, device string) (Attachment, error)     { panic("") }
func (r *Registry) Attachment(ctx context.Context, device string) (Attachment, error) { panic("") } // active or, without one, held; ErrNotFound
func (r *Registry) History(ctx context.Context, device string) ([]Attachment, error)  { panic("") } // newest first
func (r *Registry) AttachmentsOfKey(ctx context.Context, key string, p Page) (as []Attachment, next string, err error) {
	panic("")
}
func (r *Registry) AttachmentsOfSupplier(ctx context.Context, supplier string, p Page) (as []Attachment, next string, err error) {
	panic("")
}
func (r *Registry) AttachmentsOfGrid(ctx context.Context, grid string, p Page) (as []Attachment, next string, err error) {
	panic("")
}
func (r *Registry) AttachmentsOfPoint(ctx context.Context, pt supplypoint.Point) ([]Attachment, error) {
	panic("")
}
func (r *Registry) HeldAttachments(ctx context.Context, p Page) (as []Attachment, next string, err error) {
	panic("")
}

// attributes, time series
func (r *Registry) SaveAttributes(ctx context.Context, device string, s AttributeScope, as []Attribute) ([]Attribute, error) {
	panic("")
}
func (r *Registry) DeleteAttributes(ctx context.Context, device string, s AttributeScope, keys ...string) ([]string, error) {
	panic("")
}
func (r *Registry) Attributes(ctx context.Context, device string, s AttributeScope, keys ...string) ([]Attribute, error) {
	panic("")
} // no keys: all
func (r *Registry) SaveTimeseries(ctx context.Context, device string, ts time.Time, as []Attribute) error {
	panic("")
}
func (r *Registry) LatestTimeseries(ctx context.Context, device string, keys ...string) ([]Reading, error) {
	panic("")
}
func (r *Registry) OnSharedChange(hook func(SharedChange)) { panic("") }
func (r *Registry) OnDeviceGone(hook func(device string))  { panic("") }

// what became of messages
func (r *Registry) Outcomes(ctx context.Context, f OutcomeFilter, p Page) (os []Outcome, next string, err error) {
	panic("")
}
func (r *Registry) WithoutOutcome() (total uint64, recent []Outcome) { panic("") }
func (r *Registry) DeadLetters(ctx context.Context, f DeadLetterFilter, p Page) (ls []DeadLetter, next string, err error) {
	panic("")
}
func (r *Registry) DeadLetter(ctx context.Context, id string) (DeadLetter, error) { panic("") }
func (r *Registry) Pending(ctx context.Context) ([]PendingRow, error)             { panic("") } // at start, before anything is consumed

func (r *Registry) RotateServerKey(ctx context.Context, key secret.Key) error { panic("") }
func (r *Registry) Housekeep(ctx context.Context) error                       { panic("") }
func (r *Registry) Check(ctx context.Context) []error                         { panic("") }
