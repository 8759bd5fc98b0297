package nodes

import (
	"fmt"
	"strings"

	"github.com/gridtie/gridtie/engine"
)

const generated = "<!-- Written by `go test ./nodes -update` from the code. Change it there. -->\n\n"

// Markdown is the reference page of all kinds of a catalog.
func Markdown(c *engine.Catalog) string {
	var b strings.Builder
	b.WriteString("# Node kinds\n\n" + generated)
	b.WriteString("Every node can also leave by Failure. What nothing takes, neither a connection nor the chain's `onFailure`, makes " +
		"the message a dead letter, and nothing that the run wrote stays. Fields without a default must be given. Expressions are " +
		"described in [expressions.md](expressions.md), their functions in [functions.md](functions.md).\n\n")
	b.WriteString("| Kind | What it does |\n| --- | --- |\n")
	for _, k := range c.Kinds() {
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", k.Name, anchor(k.Name), k.Summary)
	}
	for _, k := range c.Kinds() {
		writeKind(&b, k)
	}
	return b.String()
}

func writeKind(b *strings.Builder, k engine.Kind) {
	fmt.Fprintf(b, "\n## %s\n\n%s.\n", k.Name, k.Summary)
	if k.Doc != "" {
		b.WriteString("\n" + k.Doc + "\n")
	}
	b.WriteString("\n**Relations:** " + relations(k) + "\n")
	if fields, err := k.Fields(); err == nil && len(fields) > 0 {
		b.WriteString("\n| Field | Type | Default | What it is |\n| --- | --- | --- | --- |\n")
		for _, f := range fields {
			writeField(b, f)
		}
	}
	for _, e := range k.Examples {
		title := e.Title
		if title == "" {
			title = "Example"
		}
		fmt.Fprintf(b, "\n%s:\n\n```json\n%s\n```\n", title, node(k, e))
	}
}

func relations(k engine.Kind) string {
	switch {
	case k.AnyRelation:
		return "whatever the expression names."
	case k.Calls != nil:
		return "the labels of the called chain."
	case k.Returns != nil:
		return "none of its own; the calling node goes on by the label."
	case len(k.Relations) > 10:
		return "see the table."
	}
	return strings.Join(k.Relations, ", ") + "."
}

func writeField(b *strings.Builder, f engine.Field) {
	fallback := "must be given"
	if !f.Required {
		fallback = "none"
		if f.Default != "" {
			fallback = "`" + f.Default + "`"
		}
	}
	doc := f.Doc
	if len(f.Enum) > 0 {
		doc += " One of `" + strings.Join(f.Enum, "`, `") + "`."
	}
	if f.Example != "" {
		doc += " Example: `" + f.Example + "`"
	}
	fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", f.Name, f.Type, cell(fallback), cell(doc))
}

// node is an example as it stands in a chain file.
func node(k engine.Kind, e engine.Example) string {
	id := strings.ReplaceAll(k.Name[strings.IndexByte(k.Name, '.')+1:], ".", "-")
	if e.Config == "{}" {
		return fmt.Sprintf(`{ "id": %q, "type": %q }`, id, k.Name)
	}
	return fmt.Sprintf(`{ "id": %q, "type": %q, "configuration": %s }`, id, k.Name, e.Config)
}

// FunctionsMarkdown is the reference page of all expression functions of a catalog.
func FunctionsMarkdown(c *engine.Catalog) string {
	var b strings.Builder
	b.WriteString("# Expression functions\n\n" + generated)
	b.WriteString("Functions that can stand in every expression of a chain; [expressions.md](expressions.md) describes the language. A " +
		"parameter with `?` may be left out.\n\n| Function | What it gives | Example |\n| --- | --- | --- |\n")
	for _, f := range c.Language().Functions() {
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Signature(), cell(f.Doc), cell("`"+f.Example+"`"))
	}
	return b.String()
}

// cell escapes what would end a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// anchor is how GitHub names a heading.
func anchor(heading string) string { return strings.ReplaceAll(heading, ".", "") }
