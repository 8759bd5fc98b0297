package engine

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/gridtie/gridtie/engine/secret"
)

// storedStep is a Step as it is kept in a pending row. A digest is written with its bytes: it has to match after a
// restart too, and it discloses nothing without the server key.
type storedStep struct {
	ID      string            `json:"id"`
	Type    string            `json:"type"`
	Origin  Origin            `json:"origin"`
	Time    time.Time         `json:"time"`
	Entry   string            `json:"entry,omitempty"`
	Meta    map[string]string `json:"meta,omitempty"`
	Data    json.RawMessage   `json:"data"`
	Aliases []Alias           `json:"aliases,omitempty"`
	Digests map[string][]byte `json:"digests,omitempty"`
	Outcome string            `json:"outcome,omitempty"`
	Chain   string            `json:"chain,omitempty"`
	Node    string            `json:"node,omitempty"`
	Returns []Frame           `json:"returns,omitempty"`
}

// MarshalJSON writes the step for a pending row.
func (s Step) MarshalJSON() ([]byte, error) {
	m := s.Message
	out := storedStep{
		ID: m.ID(), Type: m.Type(), Origin: m.Origin(), Time: m.Time(), Entry: m.Chain(), Outcome: m.Outcome(),
		Data: json.RawMessage(m.Data().Text()), Aliases: m.Data().Aliases(),
		Chain: s.Chain, Node: s.Node, Returns: s.Returns,
	}
	if all := m.AllMeta(); len(all) > 0 {
		out.Meta = map[string]string{}
		for _, p := range all {
			out.Meta[p.Key] = p.Value
		}
	}
	for _, d := range m.Data().digests() {
		if out.Digests == nil {
			out.Digests = map[string][]byte{}
		}
		if out.Digests[d.name] == nil { // the first of a name is the one in force
			out.Digests[d.name] = d.value.Bytes()
		}
	}
	return json.Marshal(out)
}

// UnmarshalJSON reads a step back.
func (s *Step) UnmarshalJSON(text []byte) error {
	var in storedStep
	if err := json.Unmarshal(text, &in); err != nil {
		return fmt.Errorf("reading a pending step: %w", err)
	}
	data := NewData(string(in.Data))
	for _, a := range in.Aliases {
		data = data.WithAlias(a)
	}
	for name, sum := range in.Digests {
		digest, err := secret.DigestFrom(sum)
		if err != nil {
			return fmt.Errorf("reading a pending step: digest %q: %w", name, err)
		}
		data = data.WithDigest(name, digest)
	}
	head := Header{ID: in.ID, Type: in.Type, Origin: in.Origin, Time: in.Time, Chain: in.Entry}
	for key, value := range in.Meta {
		head.Meta = append(head.Meta, Pair{key, value})
	}
	m := NewMessage(head, data)
	if in.Outcome != "" {
		m = m.WithOutcome(in.Outcome)
	}
	*s = Step{Message: m, Chain: in.Chain, Node: in.Node, Returns: in.Returns}
	return nil
}
