package action

import (
	"context"
	"fmt"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// AttributeSaver is what action.save-attributes writes to. Its method is called concurrently.
type AttributeSaver interface {
	// SaveAttributes writes what has changed, and gives it back.
	SaveAttributes(ctx context.Context, device string, scope registry.AttributeScope, values []registry.Attribute) ([]registry.Attribute, error)
}

type saveAttributesConfig struct {
	Scope string `json:"scope" default:"\"CLIENT_SCOPE\"" enum:"CLIENT_SCOPE|SHARED_SCOPE|SERVER_SCOPE" doc:"Scope to save in, unless the metadata entry scope names another."`
}

// SaveAttributes is the kind action.save-attributes: every member of the payload becomes an attribute of the device.
func SaveAttributes(saver AttributeSaver) engine.Kind {
	return engine.Kind{
		Name: "action.save-attributes", Summary: "Save the payload as attributes of the device",
		Doc: "Every member of the payload becomes an attribute, with its type. The supplier key is not saved, under whatever " +
			"name it came. Only changed values are written. As in ThingsBoard, a metadata entry `scope` wins over the configuration.",
		Relations: []string{engine.RelationSuccess},
		Config:    saveAttributesConfig{},
		New: engine.Build(func(c saveAttributesConfig, _ engine.Env) (engine.Node, error) {
			return engine.NodeFunc(func(ctx context.Context, m *engine.Message) (engine.Result, error) {
				device, err := deviceID(m)
				if err != nil {
					return engine.Result{}, err
				}
				scope, err := attributeScope(m, c.Scope)
				if err != nil {
					return engine.Result{}, err
				}
				values, err := members(m.Data())
				if err != nil {
					return engine.Result{}, err
				}
				if len(values) > 0 {
					if _, err := saver.SaveAttributes(ctx, device, scope, values); err != nil {
						return engine.Result{}, err
					}
				}
				return engine.Success(m), nil
			}), nil
		}),
		Examples: []engine.Example{
			{Title: "What the device says of itself", Config: `{}`, Payload: `{"firmware": "1.4", "phases": 3}`, Relation: "Success"},
			{Title: "For the server's own use", Config: `{"scope": "SERVER_SCOPE"}`, Payload: `{"limit": 4600}`, Relation: "Success"},
		},
	}
}

func attributeScope(m *engine.Message, configured string) (registry.AttributeScope, error) {
	name, ok := m.Meta("scope")
	if !ok || name == "" {
		name = configured
	}
	switch s := registry.AttributeScope(name); s {
	case registry.ClientScope, registry.SharedScope, registry.ServerScope:
		return s, nil
	}
	return "", fmt.Errorf("metadata entry %q is no scope of attributes", "scope")
}
