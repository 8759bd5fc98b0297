package enrich

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gridtie/gridtie/engine"
	"github.com/gridtie/gridtie/registry"
)

// Reader is what enrich.attributes reads from. Its methods are called concurrently.
type Reader interface {
	// Attributes gives those of the named attributes that are there.
	Attributes(ctx context.Context, device string, scope registry.AttributeScope, keys ...string) ([]registry.Attribute, error)
	// LatestTimeseries gives the latest readings of those of the named time series that are there.
	LatestTimeseries(ctx context.Context, device string, keys ...string) ([]registry.Reading, error)
}

type attributesConfig struct {
	Client    []string `json:"client" default:"[]" doc:"Client attributes to read; each is added with the prefix cs_."`
	Shared    []string `json:"shared" default:"[]" doc:"Shared attributes to read; each is added with the prefix shared_."`
	Server    []string `json:"server" default:"[]" doc:"Server attributes to read; each is added with the prefix ss_."`
	Telemetry []string `json:"telemetry" default:"[]" doc:"Time series of which to read the latest value; added without a prefix."`
	To        string   `json:"to" default:"\"metadata\"" enum:"metadata|data" doc:"Where to add them. In the payload, which must be an object then, values keep their types."`
	Required  bool     `json:"required" default:"true" doc:"Whether a value that is not there makes the message leave by Failure."`
}

// Validate wants something to read.
func (c attributesConfig) Validate() error {
	if len(c.Client)+len(c.Shared)+len(c.Server)+len(c.Telemetry) == 0 {
		return errors.New(`nothing to read: name something in "client", "shared", "server" or "telemetry"`)
	}
	return nil
}

// Attributes is the kind enrich.attributes: it adds attributes and latest readings of the message's device.
func Attributes(reader Reader) engine.Kind {
	return engine.Kind{
		Name: "enrich.attributes", Summary: "Add attributes and latest readings of the device",
		Doc:       "The prefixes are ThingsBoard's. An expression can read a single one without this node: `attr(\"SERVER_SCOPE\", \"limit\")`.",
		Relations: []string{engine.RelationSuccess},
		Config:    attributesConfig{},
		New: engine.Build(func(c attributesConfig, _ engine.Env) (engine.Node, error) {
			n := attributesNode{config: c, reader: reader}
			return engine.NodeFunc(n.process), nil
		}),
		Examples: []engine.Example{
			{Title: "What the operator has set, if anything", Config: `{"server": ["limit"], "required": false}`, Relation: "Success"},
			{
				Title: "The last reading beside the new one", Config: `{"telemetry": ["energy"], "to": "data", "required": false}`,
				Type: "POST_TELEMETRY_REQUEST", Payload: `{"power": 700}`, Relation: "Success",
			},
		},
	}
}

type attributesNode struct {
	config attributesConfig
	reader Reader
}

type found struct {
	name  string
	value json.RawMessage
}

func (n attributesNode) process(ctx context.Context, m *engine.Message) (engine.Result, error) {
	device, err := deviceID(m)
	if err != nil {
		return engine.Result{}, err
	}
	all, err := n.read(ctx, device)
	if err != nil {
		return engine.Result{}, err
	}
	if n.config.To == "data" {
		return addToData(m, all)
	}
	pairs := make([]engine.Pair, len(all))
	for i, f := range all {
		pairs[i] = engine.Pair{Key: f.name, Value: plain(f.value)}
	}
	return engine.Success(m.WithMeta(pairs...)), nil
}

func (n attributesNode) read(ctx context.Context, device string) ([]found, error) {
	var all []found
	for _, part := range []struct {
		scope  registry.AttributeScope
		prefix string
		keys   []string
	}{
		{registry.ClientScope, "cs_", n.config.Client},
		{registry.SharedScope, "shared_", n.config.Shared},
		{registry.ServerScope, "ss_", n.config.Server},
	} {
		if len(part.keys) == 0 {
			continue
		}
		as, err := n.reader.Attributes(ctx, device, part.scope, part.keys...)
		if err != nil {
			return nil, err
		}
		if n.config.Required && len(as) < len(part.keys) {
			return nil, fmt.Errorf("%d of %d attributes of %s are not there", len(part.keys)-len(as), len(part.keys), part.scope)
		}
		for _, a := range as {
			all = append(all, found{part.prefix + a.Key, a.Value})
		}
	}
	if len(n.config.Telemetry) == 0 {
		return all, nil
	}
	rs, err := n.reader.LatestTimeseries(ctx, device, n.config.Telemetry...)
	if err != nil {
		return nil, err
	}
	if n.config.Required && len(rs) < len(n.config.Telemetry) {
		return nil, fmt.Errorf("%d of %d time series have no reading yet", len(n.config.Telemetry)-len(rs), len(n.config.Telemetry))
	}
	for _, r := range rs {
		all = append(all, found{r.Key, r.Value})
	}
	return all, nil
}

// plain is a value as metadata has it: a text without its quotes, all else as JSON.
func plain(value json.RawMessage) string {
	var text string
	if json.Unmarshal(value, &text) == nil {
		return text
	}
	return string(value)
}

func addToData(m *engine.Message, all []found) (engine.Result, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal([]byte(m.Data().Text()), &members); err != nil || members == nil {
		return engine.Result{}, errors.New("the payload is no object that values could be added to")
	}
	for _, f := range all {
		members[f.name] = f.value
	}
	data, err := engine.EncodeData(members)
	if err != nil {
		return engine.Result{}, errors.New("the values read cannot be written as JSON")
	}
	return engine.Success(m.WithData(data)), nil
}
