package engine

import (
	"errors"
	"fmt"
	"slices"

	"github.com/gridtie/gridtie/engine/expression"
)

// Kind describes a kind of node once: decoding, defaults, validation and documentation all come from its configuration
// struct. A kind is what a function returns, because a package variable could be changed by anyone.
type Kind struct {
	Name    string // family.verb-or-noun
	Summary string // one line, imperative, without a full stop
	Doc     string // more, in Markdown; optional
	Version int    // of the configuration; 0 counts as 1
	// Relations that the kind can emit besides Failure, which every kind can.
	Relations []string
	// RelationsOf adds the relations that follow from a configuration.
	RelationsOf func(config any) []string
	// AnyRelation says that an expression names the relation at run time: every edge is possible.
	AnyRelation bool
	// Calls is the chain that a node of that configuration enters by Call. What comes back are that chain's Returns.
	Calls func(config any) string
	// Returns is the label by which a node of that configuration leaves its chain.
	Returns func(config any) string
	// Selects says that the node picks what it is for: a relation of it that leads nowhere is no oversight.
	Selects bool
	// Barrier says that the node acts outside: what came before it is on disk before it runs, and stays. A run that has
	// to repeat goes on behind it with the result that it gave, so it keeps what it learnt there and writes nothing.
	Barrier bool
	// Config is a value of the configuration struct, for its type and tags; nil for a kind without configuration.
	//
	// Tags of a field: json its name; doc what it is, with unit and range; default its value in JSON if it may be left
	// out (a field without it is mandatory); enum the values allowed, separated by "|"; example a value for the
	// documentation. What one field cannot say stands in a method Validate() error of the struct.
	Config any
	// New makes a node; use Build. It does all that can fail early, and dials nothing.
	New func(config any, env Env) (Node, error)
	// Upgrade turns the configuration of an older version into the one before Version+1.
	Upgrade func(version int, raw []byte) ([]byte, error)
	// Examples are complete configurations in JSON that a reader can paste.
	Examples []Example
}

// Example is a configuration that works, with a message to see it work on.
type Example struct {
	Title    string
	Config   string // JSON
	Type     string // message type; empty for POST_ATTRIBUTES_REQUEST
	Payload  string // JSON; empty for {}
	Relation string // the relation that the message leaves by
}

// Build turns a constructor with a typed configuration into Kind.New.
func Build[C any](make func(C, Env) (Node, error)) func(any, Env) (Node, error) {
	return func(config any, env Env) (Node, error) {
		c, ok := config.(C)
		if !ok {
			return nil, fmt.Errorf("configuration is a %T, not a %T", config, c)
		}
		return make(c, env)
	}
}

// Catalog is the set of kinds and expression functions that chains may use: an explicit value, not a global registry.
type Catalog struct {
	kinds    []Kind
	language *expression.Language
}

// NewCatalog checks the kinds: names are unique, configurations can be described, each has a constructor.
func NewCatalog(language *expression.Language, kinds ...Kind) (*Catalog, error) {
	var errs []error
	seen := map[string]bool{}
	for i := range kinds {
		k := &kinds[i]
		if seen[k.Name] {
			errs = append(errs, fmt.Errorf("kind %q stands twice", k.Name))
		}
		seen[k.Name] = true
		if k.New == nil {
			errs = append(errs, fmt.Errorf("kind %q has no constructor", k.Name))
		}
		if _, err := k.Fields(); err != nil {
			errs = append(errs, fmt.Errorf("kind %q: %w", k.Name, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	kinds = slices.Clone(kinds)
	slices.SortFunc(kinds, func(a, b Kind) int {
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	return &Catalog{kinds: kinds, language: language}, nil
}

// Kinds are all kinds, sorted by name.
func (c *Catalog) Kinds() []Kind { return slices.Clone(c.kinds) }

// Kind is the kind of that name.
func (c *Catalog) Kind(name string) (Kind, bool) {
	i, ok := slices.BinarySearchFunc(c.kinds, name, func(k Kind, name string) int {
		switch {
		case k.Name < name:
			return -1
		case k.Name > name:
			return 1
		}
		return 0
	})
	if !ok {
		return Kind{}, false
	}
	return c.kinds[i], true
}

// Language is the expression language of the catalog.
func (c *Catalog) Language() *expression.Language { return c.language }
