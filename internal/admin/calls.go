package admin

import (
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/gridtie/gridtie/registry"
)

// segment escapes a name for a path. A name of dots alone would else be taken for a folder.
func segment(name string) string {
	if strings.Trim(name, ".") == "" {
		return strings.ReplaceAll(name, ".", "%2E")
	}
	return url.PathEscape(name)
}

// Query selects and bounds a list. Zero fields select everything.
type Query struct {
	Device string // name
	Code   string
	Since  time.Time
	Limit  int // 1 to 1,000; 0 for 100
	Cursor string
}

func (q Query) String() string {
	v := url.Values{}
	set := func(name, value string) {
		if value != "" {
			v.Set(name, value)
		}
	}
	set("device", q.Device)
	set("code", q.Code)
	set("cursor", q.Cursor)
	if !q.Since.IsZero() {
		set("since", q.Since.UTC().Format(time.RFC3339))
	}
	if q.Limit != 0 {
		set("limit", strconv.Itoa(q.Limit))
	}
	if len(v) == 0 {
		return ""
	}
	return "?" + v.Encode()
}

func get[T any](ctx context.Context, c *Client, path string) (T, error) {
	var out T
	err := c.do(ctx, "GET", path, nil, &out)
	return out, err
}

func post[T any](ctx context.Context, c *Client, path string, in any) (T, error) {
	var out T
	err := c.do(ctx, "POST", path, in, &out)
	return out, err
}

// Status asks how the server does.
func (c *Client) Status(ctx context.Context) (Status, error) {
	return get[Status](ctx, c, "/v1/status")
}

// Reload makes the server read its folder of chains again, and waits for the verdict. A set that was refused is no error.
func (c *Client) Reload(ctx context.Context) (Reload, error) {
	return post[Reload](ctx, c, "/v1/reload", nil)
}

// Profiles lists the profiles.
func (c *Client) Profiles(ctx context.Context) (ProfileList, error) {
	return get[ProfileList](ctx, c, "/v1/profiles")
}

// AddProfile adds a profile.
func (c *Client) AddProfile(ctx context.Context, p NewProfile) (Profile, error) {
	return post[Profile](ctx, c, "/v1/profiles", p)
}

// Profile shows a profile.
func (c *Client) Profile(ctx context.Context, name string) (Profile, error) {
	return get[Profile](ctx, c, "/v1/profiles/"+segment(name))
}

// ChangeProfile changes a profile.
func (c *Client) ChangeProfile(ctx context.Context, name string, p ChangedProfile) (Profile, error) {
	var out Profile
	err := c.do(ctx, "PATCH", "/v1/profiles/"+segment(name), p, &out)
	return out, err
}

// DeleteProfile deletes a profile that has no devices.
func (c *Client) DeleteProfile(ctx context.Context, name string) error {
	return c.do(ctx, "DELETE", "/v1/profiles/"+segment(name), nil, nil)
}

// HandOverProfile leaves a profile to the file of its name, or takes it back.
func (c *Client) HandOverProfile(ctx context.Context, name string, back bool) (Profile, error) {
	return post[Profile](ctx, c, "/v1/profiles/"+segment(name)+"/hand-over", HandOver{Back: back})
}

// RevealProfile shows a profile with its provisioning key and secret.
func (c *Client) RevealProfile(ctx context.Context, name string) (RevealedProfile, error) {
	return get[RevealedProfile](ctx, c, "/v1/profiles/"+segment(name)+"/provisioning")
}

// Suppliers lists suppliers.
func (c *Client) Suppliers(ctx context.Context, q Query) (SupplierPage, error) {
	return get[SupplierPage](ctx, c, "/v1/suppliers"+q.String())
}

// AddSupplier adds a supplier.
func (c *Client) AddSupplier(ctx context.Context, s NewSupplier) (Supplier, error) {
	return post[Supplier](ctx, c, "/v1/suppliers", s)
}

// Supplier shows a supplier and its keys.
func (c *Client) Supplier(ctx context.Context, id string) (Supplier, error) {
	return get[Supplier](ctx, c, "/v1/suppliers/"+segment(id))
}

// AddKey gives a supplier a key.
func (c *Client) AddKey(ctx context.Context, supplier string, k NewKey) (AddedKey, error) {
	return post[AddedKey](ctx, c, "/v1/suppliers/"+segment(supplier)+"/keys", k)
}

// RevokeKey refuses a key from now on.
func (c *Client) RevokeKey(ctx context.Context, id string) (Key, error) {
	return post[Key](ctx, c, "/v1/keys/"+segment(id)+"/revoke", nil)
}

// Grids lists the grids.
func (c *Client) Grids(ctx context.Context) (GridList, error) {
	return get[GridList](ctx, c, "/v1/grids")
}

// AddGrid adds a grid.
func (c *Client) AddGrid(ctx context.Context, g registry.Grid) (registry.Grid, error) {
	return post[registry.Grid](ctx, c, "/v1/grids", g)
}

// Packages lists packages.
func (c *Client) Packages(ctx context.Context, q Query) (PackagePage, error) {
	return get[PackagePage](ctx, c, "/v1/packages"+q.String())
}

// AddPackage adds a package with content of that many bytes.
func (c *Client) AddPackage(ctx context.Context, p NewPackage, content io.Reader, size int64) (Package, error) {
	v := url.Values{"kind": {string(p.Kind)}, "title": {p.Title}, "version": {p.Version}}
	for name, value := range map[string]string{"file": p.File, "algorithm": p.Algorithm, "checksum": p.Checksum} {
		if value != "" {
			v.Set(name, value)
		}
	}
	var added Package
	err := c.upload(ctx, "/v1/packages?"+v.Encode(), content, size, &added)
	return added, err
}

// DeletePackage deletes a package that is not assigned.
func (c *Client) DeletePackage(ctx context.Context, k registry.PackageKind, title, version string) error {
	return c.do(ctx, "DELETE", "/v1/packages/"+segment(string(k))+"/"+segment(title)+"/"+segment(version), nil, nil)
}

// AssignPackage assigns a package.
func (c *Client) AssignPackage(ctx context.Context, as Assignment) (Assigned, error) {
	return post[Assigned](ctx, c, "/v1/packages/assign", as)
}

// UnassignPackage takes an assignment back.
func (c *Client) UnassignPackage(ctx context.Context, as Assignment) (Assigned, error) {
	return post[Assigned](ctx, c, "/v1/packages/unassign", as)
}

// Devices lists devices.
func (c *Client) Devices(ctx context.Context, q Query) (DevicePage, error) {
	return get[DevicePage](ctx, c, "/v1/devices"+q.String())
}

// AddDevice adds a device, and returns it with its credentials, an access token if none are given.
func (c *Client) AddDevice(ctx context.Context, n NewDevice) (AddedDevice, error) {
	return post[AddedDevice](ctx, c, "/v1/devices", n)
}

// Device shows a device by its name or id.
func (c *Client) Device(ctx context.Context, name string) (DeviceDetail, error) {
	return get[DeviceDetail](ctx, c, "/v1/devices/"+segment(name))
}

// DeleteDevice deletes a device by its name or id.
func (c *Client) DeleteDevice(ctx context.Context, name string) error {
	return c.do(ctx, "DELETE", "/v1/devices/"+segment(name), nil, nil)
}

// ChangeCredentials gives a device other credentials, a new token if none are given, and returns them.
func (c *Client) ChangeCredentials(ctx context.Context, device string, n Credentials) (Credentials, error) {
	return post[Credentials](ctx, c, "/v1/devices/"+segment(device)+"/credentials", n)
}

// SetAttributes sets and deletes attributes of a device, and returns those of the scope.
func (c *Client) SetAttributes(ctx context.Context, device string, n NewAttributes) (Attributes, error) {
	return post[Attributes](ctx, c, "/v1/devices/"+segment(device)+"/attributes", n)
}

// Call calls a device.
func (c *Client) Call(ctx context.Context, device string, n NewCall) (CallAnswer, error) {
	return post[CallAnswer](ctx, c, "/v1/devices/"+segment(device)+"/rpc", n)
}

// Calls lists the persistent calls of a device, newest first.
func (c *Client) Calls(ctx context.Context, device string, q Query) (CallPage, error) {
	return get[CallPage](ctx, c, "/v1/devices/"+segment(device)+"/rpc"+q.String())
}

// Outcomes lists outcomes, newest first.
func (c *Client) Outcomes(ctx context.Context, q Query) (OutcomePage, error) {
	return get[OutcomePage](ctx, c, "/v1/outcomes"+q.String())
}

// DeadLetters lists dead letters, newest first.
func (c *Client) DeadLetters(ctx context.Context, q Query) (DeadLetterPage, error) {
	return get[DeadLetterPage](ctx, c, "/v1/dead-letters"+q.String())
}

// DeadLetter shows a dead letter.
func (c *Client) DeadLetter(ctx context.Context, id string) (registry.DeadLetter, error) {
	return get[registry.DeadLetter](ctx, c, "/v1/dead-letters/"+segment(id))
}

// Try runs one message without effects.
func (c *Client) Try(ctx context.Context, r TryRequest) (TryResult, error) {
	return post[TryResult](ctx, c, "/v1/try", r)
}
