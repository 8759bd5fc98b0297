package admin

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strings"
	"time"
)

type object = map[string]any

var pathVariable = regexp.MustCompile(`\{(\w+)\}`)

// describe makes the OpenAPI 3.1 description of the routes.
func describe(routes []route, version string) object {
	schemas := object{}
	paths := object{}
	for _, rt := range routes {
		operation := object{
			"operationId": rt.id,
			"summary":     rt.summary,
			"responses": object{
				statusText(rt.status): response("done", "application/json", rt.answer, schemas),
				"default":             response("refused", "application/problem+json", Problem{}, schemas),
			},
		}
		var parameters []object
		for _, m := range pathVariable.FindAllStringSubmatch(rt.path, -1) {
			parameters = append(parameters, object{"name": m[1], "in": "path", "required": true, "schema": object{"type": "string"}})
		}
		for _, q := range rt.query {
			typ := "string"
			if q.integer {
				typ = "integer"
			}
			parameters = append(parameters, object{"name": q.name, "in": "query", "description": q.doc, "schema": object{"type": typ}})
		}
		if parameters != nil {
			operation["parameters"] = parameters
		}
		if rt.body != nil {
			operation["requestBody"] = object{"required": true, "content": object{
				"application/json": object{"schema": schemaOf(reflect.TypeOf(rt.body), schemas)},
			}}
		}
		if rt.bytes > 0 {
			operation["requestBody"] = object{"required": true, "content": object{"application/octet-stream": object{}}}
		}
		item, ok := paths[rt.path].(object)
		if !ok {
			item = object{}
			paths[rt.path] = item
		}
		item[strings.ToLower(rt.method)] = operation
	}
	return object{
		"openapi": "3.1.0",
		"info": object{
			"title": "Gridtie admin API", "version": version,
			"description": "Served on the unix socket admin.sock in the data folder. The socket's mode is the access control.",
		},
		"servers":    []object{{"url": "http://admin"}},
		"paths":      paths,
		"components": object{"schemas": schemas},
	}
}

func response(what, contentType string, answer any, schemas object) object {
	r := object{"description": what}
	if answer != nil {
		r["content"] = object{contentType: object{"schema": schemaOf(reflect.TypeOf(answer), schemas)}}
	}
	return r
}

// schemaOf is the JSON Schema of a type; structs go into schemas under their own name.
func schemaOf(t reflect.Type, schemas object) object {
	switch t {
	case reflect.TypeFor[time.Time]():
		return object{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return object{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return schemaOf(t.Elem(), schemas)
	case reflect.String:
		return object{"type": "string"}
	case reflect.Bool:
		return object{"type": "boolean"}
	case reflect.Float32, reflect.Float64:
		return object{"type": "number"}
	case reflect.Slice:
		return object{"type": "array", "items": schemaOf(t.Elem(), schemas)}
	case reflect.Map:
		return object{"type": "object", "additionalProperties": schemaOf(t.Elem(), schemas)}
	case reflect.Struct:
		ref := object{"$ref": "#/components/schemas/" + t.Name()}
		if _, done := schemas[t.Name()]; !done {
			schemas[t.Name()] = object{} // a type may hold itself
			properties, required := object{}, []string{}
			fieldsOf(t, schemas, properties, &required)
			schema := object{"type": "object", "properties": properties}
			if len(required) > 0 {
				schema["required"] = required
			}
			schemas[t.Name()] = schema
		}
		return ref
	case reflect.Interface:
		return object{}
	default: // the integers
		return object{"type": "integer"}
	}
}

func fieldsOf(t reflect.Type, schemas, properties object, required *[]string) {
	for f := range t.Fields() {
		if f.Anonymous {
			fieldsOf(f.Type, schemas, properties, required)
			continue
		}
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || name == "" {
			continue
		}
		schema := schemaOf(f.Type, schemas)
		if doc := f.Tag.Get("doc"); doc != "" {
			schema["description"] = doc
		}
		properties[name] = schema
		if !strings.Contains(options, "omit") {
			*required = append(*required, name)
		}
	}
}

func statusText(status int) string {
	switch status {
	case 201:
		return "201"
	case 204:
		return "204"
	}
	return "200"
}
