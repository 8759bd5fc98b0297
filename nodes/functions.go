package nodes

import (
	"context"
	"encoding/base32"
	"errors"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/engine/secret"
	"github.com/gridtie/gridtie/nodes/match"
	"github.com/gridtie/gridtie/registry"
	"github.com/gridtie/gridtie/supplypoint"
)

// matched is the outcome of a look-up that found something usable; all others are outcome codes.
const matched = "MATCHED"

// functions are the expression functions of the domain. They are total: a value that is missing or of the wrong kind
// gives an answer that says so, because devices send anything. Only a look-up that could not be made errs.
func functions(s Services) []expression.Function {
	return append(cupsFunctions(), supplierFunction(s), gridFunction(s), supplyPointFunction(), attrFunction(s), fingerprintFunction(s))
}

type supplierResult struct {
	Outcome string `expr:"outcome" json:"outcome"`
	ID      string `expr:"id" json:"id"`
	Name    string `expr:"name" json:"name"`
	Key     string `expr:"key" json:"key"` // id
}

func supplierFunction(s Services) expression.Function {
	f := expression.Function{
		Name: "supplier", Public: true, Example: `supplier(msg.supplierKey).outcome == "MATCHED"`, Params: []expression.Param{{Name: "key"}},
		Doc: "Whose supplier key it is: an object of outcome (MATCHED, or an outcome code such as KEY_EXPIRED), id, name and key " +
			"(its id, never the key). The key must be usable at the time at which the server received the message.",
	}
	return expression.Func1(f, func(ctx context.Context, key secret.Digest) (supplierResult, error) {
		m, err := messageOf(ctx)
		if err != nil {
			return supplierResult{}, err
		}
		if key.IsZero() {
			return supplierResult{Outcome: string(registry.KeyMissing)}, nil
		}
		found, err := s.Suppliers.SupplierByKey(ctx, key, m.Time())
		if err != nil {
			return supplierResult{}, err
		}
		r := supplierResult{Outcome: outcome(found.Code), ID: found.Supplier, Key: found.Key}
		if found.Supplier != "" {
			supplier, err := s.Suppliers.Supplier(ctx, found.Supplier)
			if err != nil {
				return supplierResult{}, err
			}
			r.Name = supplier.Name
		}
		return r, nil
	})
}

func outcome(code registry.Code) string {
	if code == "" {
		return matched
	}
	return string(code)
}

type gridResult struct {
	Outcome string `expr:"outcome" json:"outcome"`
	ID      string `expr:"id" json:"id"`
	Name    string `expr:"name" json:"name"`
	Kind    string `expr:"kind" json:"kind"`
	By      string `expr:"by" json:"by"`
}

func gridFunction(s Services) expression.Function {
	f := expression.Function{
		Name: "grid", Public: true, Example: `grid(msg.cups).kind == "cau"`, Params: []expression.Param{{Name: "cups"}},
		Doc: "The grid of a supply point: an object of outcome (MATCHED, or an outcome code such as CUPS_CHECK_FAILED or " +
			"GRID_NOT_FOUND), id, name, kind (dso, zone, feeder, transformer, cau, community or microgrid) and by (membership or " +
			"distributor prefix).",
	}
	return expression.Func1(f, func(ctx context.Context, cups any) (gridResult, error) {
		p, code := match.Point(cups)
		if code != "" {
			return gridResult{Outcome: string(code)}, nil
		}
		found, err := s.Grids.GridOf(ctx, p)
		if err != nil || found.Code != "" {
			return gridResult{Outcome: string(found.Code)}, err
		}
		r := gridResult{Outcome: matched, ID: found.Grid, Name: found.Name, By: found.By}
		g, err := s.Grids.Grid(ctx, found.Grid)
		r.Kind = string(g.Kind)
		return r, err
	})
}

func attrFunction(s Services) expression.Function {
	f := expression.Function{
		Name: "attr", Example: `msg.power > attr("SERVER_SCOPE", "limit")`, Params: []expression.Param{{Name: "scope"}, {Name: "key"}},
		Doc: "An attribute of the message's device; missing if there is none. The scope is CLIENT_SCOPE, SHARED_SCOPE or SERVER_SCOPE.",
	}
	return expression.Func2(f, func(ctx context.Context, scope, key string) (any, error) {
		switch registry.AttributeScope(scope) {
		case registry.ClientScope, registry.SharedScope, registry.ServerScope:
		default:
			return nil, errors.New("the scope must be CLIENT_SCOPE, SHARED_SCOPE or SERVER_SCOPE")
		}
		m, err := messageOf(ctx)
		if err != nil {
			return nil, err
		}
		if m.Origin().Type != "DEVICE" {
			return nil, nil
		}
		found, err := s.Reader.Attributes(ctx, m.Origin().ID, registry.AttributeScope(scope), key)
		if err != nil || len(found) == 0 {
			return nil, err
		}
		return engine.NewData(string(found[0].Value)).Value()
	})
}

var fingerprintText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func fingerprintFunction(s Services) expression.Function {
	f := expression.Function{
		Name: "fingerprint", Example: `fingerprint(msg.cups)`, Params: []expression.Param{{Name: "value"}},
		Doc: "A pseudonym of a text that is the same every time and cannot be turned back: sp_… of a supply point, in whatever " +
			"spelling, fp_… of any other text. Empty for a missing value.",
	}
	return expression.Func1(f, func(_ context.Context, value any) (string, error) {
		text, ok := value.(string)
		switch {
		case value == nil || ok && text == "" || s.FingerprintKey.IsZero():
			return "", nil
		case !ok:
			return "", errors.New("the value is not text")
		}
		if p, err := supplypoint.Parse(text); err == nil {
			return supplypoint.Fingerprint(s.FingerprintKey.Reveal(), p), nil
		}
		return "fp_" + fingerprintText.EncodeToString(s.FingerprintKey.Digest(text).Bytes()[:16]), nil
	})
}
