// Package match holds the node kinds that find out who a message is about: [Supplier] finds the supplier that a secret
// key belongs to, [Grid] the grid that a supply point lies in. Their relations are the outcomes. What they found goes
// into the metadata under the names below, for later nodes such as action.attach; the key itself and the clear CUPS
// never do.
//
// [Point] reads a supply point the way all of Gridtie does. Nodes hold only immutable fields.
package match

// Metadata that the kinds of this package write.
const (
	MetaSupplierID   = "supplierId"
	MetaSupplierName = "supplierName"
	MetaKeyID        = "keyId" // of the supplier key, "k-…"
	MetaGridID       = "gridId"
	MetaGridName     = "gridName"
	MetaGridBy       = "gridBy"   // how the grid was found: "membership" or "distributor prefix"
	MetaCUPS         = "cupsMask" // such as ES0021•••••••••••••1RK
)

// The relation of a match that can be used.
const relationMatched = "Matched"
