package engine

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Field describes one field of a kind's configuration, for documentation and completion.
type Field struct {
	Name     string
	Type     string // in words: string, number, list of strings, condition …
	Doc      string
	Default  string // JSON; empty if the field is mandatory
	Enum     []string
	Example  string
	Required bool
}

// Fields are the fields of the kind's configuration, in their order. It errs when a field cannot be described.
func (k Kind) Fields() ([]Field, error) {
	if k.Config == nil {
		return nil, nil
	}
	t := reflect.TypeOf(k.Config)
	if t.Kind() != reflect.Struct {
		return nil, fmt.Errorf("configuration is a %s, not a struct", t)
	}
	var fields []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fallback, optional := f.Tag.Lookup("default")
		if !f.IsExported() || name == "" || name == "-" {
			return nil, fmt.Errorf("configuration field %s has no JSON name", f.Name)
		}
		if f.Tag.Get("doc") == "" {
			return nil, fmt.Errorf("configuration field %q has no doc", name)
		}
		if optional && fallback != "" && !json.Valid([]byte(fallback)) {
			return nil, fmt.Errorf("configuration field %q: the default is not JSON: %s", name, fallback)
		}
		var enum []string
		if e := f.Tag.Get("enum"); e != "" {
			enum = strings.Split(e, "|")
		}
		fields = append(fields, Field{
			Name: name, Type: typeInWords(f.Type), Doc: f.Tag.Get("doc"), Default: fallback,
			Enum: enum, Example: f.Tag.Get("example"), Required: !optional,
		})
	}
	return fields, nil
}

var (
	conditionType = reflect.TypeFor[Condition]()
	textType      = reflect.TypeFor[Text]()
	valueType     = reflect.TypeFor[Value]()
)

func isFormula(t reflect.Type) bool { return t == conditionType || t == textType || t == valueType }

func typeInWords(t reflect.Type) string {
	switch t {
	case conditionType:
		return "expression (true or false)"
	case textType:
		return "expression (text)"
	case valueType:
		return "expression"
	}
	switch t.Kind() {
	case reflect.String:
		return "string"
	case reflect.Bool:
		return "boolean"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "number"
	case reflect.Slice:
		return "list of " + typeInWords(t.Elem())
	case reflect.Map:
		return "object of " + typeInWords(t.Elem())
	case reflect.Struct:
		return "object"
	}
	return t.String()
}

// configReader fills a configuration struct from a tree, field by field, so that each fault has its place and one fault
// does not hide the next.
type configReader struct {
	file     *sourceFile
	node     string // id, for messages
	formulas []boundFormula
}

// boundFormula is an expression that stands in a configuration, with its place in the file.
type boundFormula struct {
	formula *formula
	typ     reflect.Type
	at      *tree
}

func (r *configReader) read(k *Kind, at *tree) (reflect.Value, bool) {
	v := reflect.New(reflect.TypeOf(k.Config)).Elem()
	if at == nil {
		at = &tree{kind: '{', raw: []byte("{}")}
	}
	if !r.structure(v, at) {
		return v, false
	}
	if checked, ok := v.Interface().(interface{ Validate() error }); ok {
		if err := checked.Validate(); err != nil {
			r.file.errorAt(at, "configuration", fmt.Sprintf("node %q: %v", r.node, err), "")
			return v, false
		}
	}
	return v, true
}

func (r *configReader) structure(v reflect.Value, at *tree) bool {
	if at.kind != '{' {
		r.file.errorAt(at, "wrong-type", fmt.Sprintf("node %q: want an object, not %s", r.node, at.kindName()), "")
		return false
	}
	ok := true
	var names []string
	for i := range v.NumField() {
		f := v.Type().Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		names = append(names, name)
		given := at.member(name)
		if given == nil || given.kind == 'n' && f.Type.Kind() != reflect.Interface && !implementsUnmarshaler(f.Type) {
			ok = r.absent(v.Field(i), f, name, at) && ok
			continue
		}
		ok = r.value(v.Field(i), given) && r.allowed(v.Field(i), f, given) && ok
	}
	for _, m := range at.members {
		if !slices.Contains(names, m.name) {
			r.file.report(SeverityError, m.start, m.value.pointer, "unknown-field",
				fmt.Sprintf("node %q: unknown configuration field %q", r.node, m.name), orList(m.name, names))
			ok = false
		}
	}
	return ok
}

func (r *configReader) absent(v reflect.Value, f reflect.StructField, name string, at *tree) bool {
	fallback, optional := f.Tag.Lookup("default")
	if !optional {
		r.file.errorAt(at, "missing-field", fmt.Sprintf("node %q: the configuration needs %q: %s", r.node, name, f.Tag.Get("doc")), "")
		return false
	}
	if fallback == "" {
		return true
	}
	given := &tree{kind: jsontext.Value(fallback).Kind(), start: at.start, pointer: at.pointer, raw: []byte(fallback)}
	return r.value(v, given)
}

func (r *configReader) allowed(v reflect.Value, f reflect.StructField, at *tree) bool {
	enum := f.Tag.Get("enum")
	if enum == "" || v.Kind() != reflect.String {
		return true
	}
	allowed := strings.Split(enum, "|")
	if slices.Contains(allowed, v.String()) {
		return true
	}
	r.file.errorAt(at, "value", fmt.Sprintf("node %q: %q is not allowed here", r.node, v.String()), orList(v.String(), allowed))
	return false
}

func (r *configReader) value(v reflect.Value, at *tree) bool {
	switch t := v.Type(); {
	case isFormula(t):
		return r.expression(v, at)
	case t.Kind() == reflect.Map && isFormula(t.Elem()):
		return r.expressions(v, at)
	case t.Kind() == reflect.Slice && at.kind == '[' && (isFormula(t.Elem()) || t.Elem().Kind() == reflect.Struct):
		v.Set(reflect.MakeSlice(t, len(at.items), len(at.items)))
		ok := true
		for i, item := range at.items {
			ok = r.value(v.Index(i), item) && ok
		}
		return ok
	case t.Kind() == reflect.Struct && !implementsUnmarshaler(t):
		return r.structure(v, at)
	}
	d := json.NewDecoder(bytes.NewReader(at.raw))
	d.DisallowUnknownFields()
	if err := d.Decode(v.Addr().Interface()); err != nil {
		message := err.Error()
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			message = fmt.Sprintf("want a %s, not %s", typeInWords(v.Type()), at.kindName())
		}
		r.file.errorAt(at, "wrong-type", fmt.Sprintf("node %q: %s", r.node, message), "")
		return false
	}
	return true
}

func implementsUnmarshaler(t reflect.Type) bool {
	return reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]())
}

func (r *configReader) expression(v reflect.Value, at *tree) bool {
	if at.kind != '"' {
		r.file.errorAt(at, "wrong-type", fmt.Sprintf("node %q: want an expression in a string, not %s", r.node, at.kindName()), "")
		return false
	}
	f := &formula{source: at.text()}
	if strings.TrimSpace(f.source) == "" {
		r.file.errorAt(at, "expression", fmt.Sprintf("node %q: the expression is empty", r.node), "")
		return false
	}
	v.Addr().Interface().(interface{ bind(f *formula) }).bind(f)
	r.formulas = append(r.formulas, boundFormula{formula: f, typ: v.Type(), at: at})
	return true
}

func (r *configReader) expressions(v reflect.Value, at *tree) bool {
	if at.kind != '{' {
		r.file.errorAt(at, "wrong-type", fmt.Sprintf("node %q: want an object of expressions, not %s", r.node, at.kindName()), "")
		return false
	}
	v.Set(reflect.MakeMap(v.Type()))
	ok := true
	for _, m := range at.members {
		item := reflect.New(v.Type().Elem()).Elem()
		ok = r.expression(item, m.value) && ok
		v.SetMapIndex(reflect.ValueOf(m.name).Convert(v.Type().Key()), item)
	}
	return ok
}

// orList is a hint: the nearest candidate, else all of them.
func orList(word string, candidates []string) string {
	if hint := didYouMean(word, candidates); hint != "" {
		return hint
	}
	if len(candidates) == 0 {
		return ""
	}
	quoted := make([]string, len(candidates))
	for i, c := range candidates {
		quoted[i] = fmt.Sprintf("%q", c)
	}
	return "it may be " + strings.Join(quoted, ", ")
}
