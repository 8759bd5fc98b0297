package match

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// Suppliers is what match.supplier looks things up in. Its methods are called concurrently.
type Suppliers interface {
	// SupplierByKey finds whose key has that digest, and whether it could be used at that time.
	SupplierByKey(ctx context.Context, key secret.Digest, at time.Time) (registry.KeyMatch, error)
	// Supplier is the supplier of that id.
	Supplier(ctx context.Context, id string) (registry.Supplier, error)
	// InScope says whether the key of that id may attach the point, empty if so. The grid may be empty: not known yet.
	InScope(ctx context.Context, keyID string, p supplypoint.Point, grid string) (registry.Code, error)
}

type supplierConfig struct {
	Key  engine.Value `json:"key" default:"\"msg.supplierKey\"" doc:"Expression that gives the supplier key: a field that the profile declares as one, so that intake has hashed it."`
	CUPS engine.Value `json:"cups" default:"" doc:"Expression that gives the supply point to check the key's scope against. Left out, the scope is left to action.attach." example:"msg.cups"`
}

// Supplier is the kind match.supplier: it finds the supplier that a key belongs to. The time that counts is when the
// server received the message.
func Supplier(suppliers Suppliers) engine.Kind {
	return engine.Kind{
		Name: "match.supplier", Summary: "Find the supplier that a secret key belongs to",
		Doc: "The relations are the outcomes. All but Matched set the outcome code (`KEY_MISSING`, `KEY_UNKNOWN` …). The key's " +
			"validity is judged at the time at which the server received the message. Written to the metadata, where known: " +
			"`supplierId`, `supplierName`, `keyId`; never the key.\n\n" +
			"With `cups`, a key that may not attach that supply point leaves by OutOfScope. Where the scope of a key names grids, " +
			"`match.grid` must stand before.",
		Relations: []string{relationMatched, "Missing", "Unknown", "NotYetValid", "Expired", "Revoked", "OutOfScope", "Ambiguous"},
		Config:    supplierConfig{},
		New: engine.Build(func(c supplierConfig, _ engine.Env) (engine.Node, error) {
			return &supplierNode{config: c, suppliers: suppliers}, nil
		}),
		Examples: []engine.Example{
			{
				Title: "The key of the message", Config: `{}`,
				Payload: `{"Power_supplier_secret_key": "alba-key-1", "CUPS": "ES0021000000000001RK"}`, Relation: relationMatched,
			},
			{
				Title: "The scope of the key, too", Config: `{"cups": "msg.cups"}`,
				Payload: `{"Power_supplier_secret_key": "alba-key-1", "CUPS": "ES0031000000000001BJ"}`, Relation: "OutOfScope",
			},
		},
	}
}

type supplierNode struct {
	config    supplierConfig
	suppliers Suppliers
}

func (n *supplierNode) Process(ctx context.Context, m *engine.Message) (engine.Result, error) {
	value, err := n.config.Key.Eval(ctx, m)
	if err != nil {
		return engine.Result{}, err
	}
	digest, err := keyDigest(value)
	if err != nil {
		return engine.Result{}, err
	}
	found := registry.KeyMatch{Code: registry.KeyMissing}
	if !digest.IsZero() {
		if found, err = n.suppliers.SupplierByKey(ctx, digest, m.Time()); err != nil {
			return engine.Result{}, err
		}
	}
	if found.Supplier != "" {
		s, err := n.suppliers.Supplier(ctx, found.Supplier)
		if err != nil {
			return engine.Result{}, err
		}
		m = m.WithMeta(
			engine.Pair{Key: MetaSupplierID, Value: found.Supplier},
			engine.Pair{Key: MetaSupplierName, Value: s.Name},
			engine.Pair{Key: MetaKeyID, Value: found.Key})
	}
	if found.Code == "" && !n.config.CUPS.IsZero() {
		if found.Code, err = n.scope(ctx, m, found.Key); err != nil {
			return engine.Result{}, err
		}
	}
	if found.Code == "" {
		return engine.On(relationMatched, m), nil
	}
	return engine.On(keyRelation(found.Code), m.WithOutcome(string(found.Code))), nil
}

// scope checks the key against the supply point, if there is a readable one: what is wrong with the point itself is for
// match.grid to say.
func (n *supplierNode) scope(ctx context.Context, m *engine.Message, key string) (registry.Code, error) {
	value, err := n.config.CUPS.Eval(ctx, m)
	if err != nil {
		return "", err
	}
	p, code := Point(value)
	if code != "" {
		return "", nil
	}
	grid, _ := m.Meta(MetaGridID)
	return n.suppliers.InScope(ctx, key, p, grid)
}

func keyRelation(code registry.Code) string {
	switch code {
	case registry.KeyMissing:
		return "Missing"
	case registry.KeyUnknown:
		return "Unknown"
	case registry.KeyNotYetValid:
		return "NotYetValid"
	case registry.KeyExpired:
		return "Expired"
	case registry.KeyRevoked:
		return "Revoked"
	case registry.KeyAmbiguous:
		return "Ambiguous"
	}
	return "OutOfScope" // KEY_OUT_OF_SCOPE, and CUPS_UNKNOWN of a supplier with an allow-list
}

// keyDigest takes what an expression gave as a key. Only intake makes digests; a text has come past it.
func keyDigest(value any) (secret.Digest, error) {
	switch v := value.(type) {
	case nil:
		return secret.Digest{}, nil
	case secret.Digest:
		return v, nil
	case string:
		if strings.TrimSpace(v) == "" {
			return secret.Digest{}, nil
		}
	}
	return secret.Digest{}, errors.New("the expression for the supplier key gave clear text: let the profile declare the field as supplierKey")
}
