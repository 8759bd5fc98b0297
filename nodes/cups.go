package nodes

import (
	"context"

	"github.com/gridtie/gridtie/engine/expression"
	"github.com/gridtie/gridtie/supplypoint"
)

// cupsFunctions look at the text alone. They take anything and never err, so that they can stand in any condition.
func cupsFunctions() []expression.Function {
	text := func(name, example, doc string, of func(supplypoint.Point) string) expression.Function {
		f := expression.Function{Name: name, Doc: doc, Example: example, Pure: true, Params: []expression.Param{{Name: "cups"}}}
		return expression.Func1(f, func(_ context.Context, v any) (string, error) {
			p, ok := cups(v)
			if !ok {
				return "", nil
			}
			return of(p), nil
		})
	}
	valid := expression.Function{
		Name: "cups.valid", Example: `cups.valid(msg.cups)`, Pure: true, Params: []expression.Param{{Name: "cups"}},
		Doc: "Whether it is a Spanish CUPS, in any usual spelling, whose check letters belong to its digits.",
	}
	mask := expression.Function{
		Name: "cups.mask", Example: `cups.mask(msg.cups)`, Pure: true, Params: []expression.Param{{Name: "cups"}},
		Doc: "The CUPS as logs show it, ES0021•••••••••••••1RK. Of a text that is none, nothing is shown.",
	}
	return []expression.Function{
		expression.Func1(valid, func(_ context.Context, v any) (bool, error) {
			_, ok := cups(v)
			return ok, nil
		}),
		text("cups.canonical", `cups.canonical(msg.cups)`,
			"The CUPS in its one form: 20 characters, no suffix, capitals. Empty if it is not valid.", supplypoint.Point.ID),
		text("cups.distributor", `cups.distributor(msg.cups) == "0021"`,
			"The four digits of the distributor that issued the CUPS. Empty if it is not valid.", supplypoint.Point.Distributor),
		text("cups.suffix", `cups.suffix(msg.cups) == "0F"`,
			"The border point behind the CUPS, such as 0F. Empty if there is none, or the CUPS is not valid.", supplypoint.Point.Suffix),
		expression.Func1(mask, func(_ context.Context, v any) (string, error) {
			text, ok := v.(string)
			if !ok && v != nil {
				return "***", nil
			}
			return supplypoint.Mask(text), nil
		}),
	}
}

func cups(v any) (supplypoint.Point, bool) {
	text, ok := v.(string)
	if !ok {
		return supplypoint.Point{}, false
	}
	p, err := supplypoint.ParseAs(supplypoint.CUPS, text)
	return p, err == nil
}

type pointResult struct {
	OK          bool   `expr:"ok" json:"ok"`
	Level       string `expr:"level" json:"level"`
	Reason      string `expr:"reason" json:"reason"`
	Scheme      string `expr:"scheme" json:"scheme"`
	Distributor string `expr:"distributor" json:"distributor"`
	Suffix      string `expr:"suffix" json:"suffix"`
	Mask        string `expr:"mask" json:"mask"`
}

func supplyPointFunction() expression.Function {
	f := expression.Function{
		Name: "supplypoint", Example: `supplypoint(msg.point).reason == "CHECK_LETTERS"`, Pure: true,
		Params: []expression.Param{{Name: "text"}, {Name: "scheme", Optional: true}},
		Doc: "What a text is as a supply point: an object of ok, level (none, format or checksum), reason (why not: CHECK_LETTERS, " +
			"TOO_SHORT …), scheme (cups or cpe), distributor, suffix and mask. The scheme follows from the country unless it is named.",
	}
	return expression.Func2(f, func(_ context.Context, v any, scheme string) (pointResult, error) {
		text, _ := v.(string)
		check, parse := supplypoint.Check(text), supplypoint.Parse
		if scheme != "" {
			check = supplypoint.CheckAs(supplypoint.Scheme(scheme), text)
			parse = func(text string) (supplypoint.Point, error) {
				return supplypoint.ParseAs(supplypoint.Scheme(scheme), text)
			}
		}
		r := pointResult{
			OK: check.OK, Level: check.Level.String(), Reason: string(check.Reason), Scheme: string(check.Scheme), Mask: supplypoint.Mask(text),
		}
		if p, err := parse(text); err == nil {
			r.Distributor, r.Suffix = p.Distributor(), p.Suffix()
		}
		return r, nil
	})
}
