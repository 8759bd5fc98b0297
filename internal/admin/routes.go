package admin

import (
	"context"
	"net/http"

	"github.com/gridtie/gridtie/registry"
)

var paging = []parameter{
	{name: "limit", doc: "entries at most, 1 to 1000; 100 if absent", integer: true},
	{name: "cursor", doc: "what the page before gave as next"},
}

var newPackage = []parameter{
	{name: "kind", doc: "firmware or software"},
	{name: "title", doc: "what it is called, and devices are told"},
	{name: "version", doc: "of that title; there is no other package of both"},
	{name: "file", doc: "name that devices see over HTTP; the title if absent"},
	{name: "algorithm", doc: "of its checksum: SHA256 (default), SHA384 or SHA512"},
	{name: "checksum", doc: "in hexadecimal, that the content must have"},
}

func filters(first ...parameter) []parameter { return append(first, paging...) }

// table is every route. Both the mux and the description are made from it.
func (a *api) table() []route {
	return []route{
		{
			method: "GET", path: "/v1/status", id: "getStatus", summary: "How the server does",
			answer: Status{}, status: 200, do: a.status,
		},

		{
			method: "POST", path: "/v1/reload", id: "reloadChains", summary: "Read the folders of chains and profiles again, and say what came of it",
			answer: Reload{}, status: 200, do: a.reload,
		},

		{
			method: "GET", path: "/v1/profiles", id: "listProfiles", summary: "List the profiles",
			answer: ProfileList{}, status: 200, do: a.profiles,
		},
		{
			method: "POST", path: "/v1/profiles", id: "addProfile", summary: "Add a profile",
			body: NewProfile{}, answer: Profile{}, status: 201, do: a.addProfile,
		},
		{
			method: "GET", path: "/v1/profiles/{name}", id: "getProfile", summary: "Show a profile",
			answer: Profile{}, status: 200, do: a.profile,
		},
		{
			method: "PATCH", path: "/v1/profiles/{name}", id: "changeProfile", summary: "Change a profile",
			body: ChangedProfile{}, answer: Profile{}, status: 200, do: a.changeProfile,
		},
		{
			method: "DELETE", path: "/v1/profiles/{name}", id: "deleteProfile", summary: "Delete a profile that has no devices",
			status: 204, do: a.deleteProfile,
		},
		{
			method: "POST", path: "/v1/profiles/{name}/hand-over", id: "handOverProfile",
			summary: "Leave a profile to the file of its name, or take it back",
			body:    HandOver{}, answer: Profile{}, status: 200, do: a.handOverProfile,
		},
		{
			method: "GET", path: "/v1/profiles/{name}/provisioning", id: "revealProfile",
			summary: "Show a profile with its provisioning key and secret in clear",
			answer:  RevealedProfile{}, status: 200, do: a.revealProfile,
		},

		{
			method: "GET", path: "/v1/suppliers", id: "listSuppliers", summary: "List the suppliers",
			query: paging, answer: SupplierPage{}, status: 200, do: a.suppliers,
		},
		{
			method: "POST", path: "/v1/suppliers", id: "addSupplier", summary: "Add a supplier",
			body: NewSupplier{}, answer: Supplier{}, status: 201, do: a.addSupplier,
		},
		{
			method: "GET", path: "/v1/suppliers/{id}", id: "getSupplier", summary: "Show a supplier and its keys",
			answer: Supplier{}, status: 200, do: a.supplier,
		},
		{
			method: "POST", path: "/v1/suppliers/{id}/keys", id: "addKey", summary: "Give a supplier a key",
			body: NewKey{}, answer: AddedKey{}, status: 201, do: a.addKey,
		},
		{
			method: "POST", path: "/v1/keys/{id}/revoke", id: "revokeKey", summary: "Refuse a key from now on",
			answer: Key{}, status: 200, do: a.revokeKey,
		},

		{
			method: "GET", path: "/v1/grids", id: "listGrids", summary: "List the grids",
			answer: GridList{}, status: 200, do: a.grids,
		},
		{
			method: "POST", path: "/v1/grids", id: "addGrid", summary: "Add a grid",
			body: registry.Grid{}, answer: registry.Grid{}, status: 201, do: a.addGrid,
		},

		{
			method: "GET", path: "/v1/packages", id: "listPackages", summary: "List the packages of firmware and software",
			query: paging, answer: PackagePage{}, status: 200, do: a.packages,
		},
		{
			method: "POST", path: "/v1/packages", id: "addPackage", summary: "Add a package, whose content is the body",
			query: newPackage, bytes: registry.MaxPackage + 1, answer: Package{}, status: 201, do: a.addPackage,
		},
		{
			method: "DELETE", path: "/v1/packages/{kind}/{title}/{version}", id: "deletePackage",
			summary: "Delete a package that is not assigned",
			status:  204, do: a.deletePackage,
		},
		{
			method: "POST", path: "/v1/packages/assign", id: "assignPackage",
			summary: "Assign a package to a profile or a device, and tell the devices",
			body:    Assignment{}, answer: Assigned{}, status: 200, do: a.assignPackage,
		},
		{
			method: "POST", path: "/v1/packages/unassign", id: "unassignPackage",
			summary: "Take the assignment of a package back, and tell the devices",
			body:    Assignment{}, answer: Assigned{}, status: 200, do: a.unassignPackage,
		},

		{
			method: "GET", path: "/v1/devices", id: "listDevices", summary: "List the devices",
			query: paging, answer: DevicePage{}, status: 200, do: a.devices,
		},
		{
			method: "POST", path: "/v1/devices", id: "addDevice", summary: "Add a device that does not provision itself",
			body: NewDevice{}, answer: AddedDevice{}, status: 201, do: a.addDevice,
		},
		{
			method: "GET", path: "/v1/devices/{name}", id: "getDevice", summary: "Show a device and why it stands where it does",
			answer: DeviceDetail{}, status: 200, do: a.device,
		},
		{
			method: "DELETE", path: "/v1/devices/{name}", id: "deleteDevice", summary: "Delete a device and its credentials",
			status: 204, do: a.deleteDevice,
		},
		{
			method: "POST", path: "/v1/devices/{name}/credentials", id: "changeCredentials",
			summary: "Give a device other credentials; the old ones stop working",
			body:    Credentials{}, answer: Credentials{}, status: 200, do: a.changeCredentials,
		},
		{
			method: "GET", path: "/v1/devices/{name}/attributes", id: "listAttributes", summary: "List a device's attributes of one scope",
			query:  []parameter{{name: "scope", doc: "SHARED_SCOPE (default), CLIENT_SCOPE or SERVER_SCOPE"}},
			answer: Attributes{}, status: 200, do: a.attributes,
		},
		{
			method: "POST", path: "/v1/devices/{name}/attributes", id: "setAttributes",
			summary: "Set and delete attributes of a device; it hears of shared ones",
			body:    NewAttributes{}, answer: Attributes{}, status: 200, do: a.setAttributes,
		},
		{
			method: "POST", path: "/v1/devices/{name}/rpc", id: "callDevice",
			summary: "Call a device and wait for its answer, or keep the call until the device takes it",
			body:    NewCall{}, answer: CallAnswer{}, status: 200, do: a.call,
		},
		{
			method: "GET", path: "/v1/devices/{name}/rpc", id: "listCalls", summary: "List the persistent calls of a device, newest first",
			query: paging, answer: CallPage{}, status: 200, do: a.calls,
		},
		{
			method: "GET", path: "/v1/devices/{name}/rpc/{id}", id: "getCall", summary: "Show how a persistent call stands",
			answer: registry.Call{}, status: 200, do: a.oneCall,
		},

		{
			method: "GET", path: "/v1/outcomes", id: "listOutcomes", summary: "List outcomes, newest first",
			query: filters(
				parameter{name: "device", doc: "name of a device"},
				parameter{name: "code", doc: "outcome code, such as KEY_EXPIRED"},
				parameter{name: "since", doc: "time, such as 2026-11-21T09:14:03Z"}),
			answer: OutcomePage{}, status: 200, do: a.outcomes,
		},
		{
			method: "GET", path: "/v1/dead-letters", id: "listDeadLetters", summary: "List dead letters, newest first",
			query: filters(
				parameter{name: "device", doc: "name of a device"},
				parameter{name: "since", doc: "time, such as 2026-11-21T09:14:03Z"}),
			answer: DeadLetterPage{}, status: 200, do: a.deadLetters,
		},
		{
			method: "GET", path: "/v1/dead-letters/{id}", id: "getDeadLetter", summary: "Show a dead letter",
			answer: registry.DeadLetter{}, status: 200, do: a.deadLetter,
		},

		{
			method: "POST", path: "/v1/try", id: "try", summary: "Run one message through chains without effects",
			body: TryRequest{}, answer: TryResult{}, status: 200, do: a.try,
		},

		{
			method: "GET", path: "/openapi.json", id: "describe", summary: "This description",
			answer: map[string]any{}, status: 200, do: func(context.Context, *http.Request) (any, error) {
				return describe(a.routes, a.Version), nil
			},
		},
	}
}
