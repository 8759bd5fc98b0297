package admin

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/gridtie/gridtie/engine"
)

// ChainFile is a chain file by its text.
type ChainFile struct {
	Name string `json:"name" doc:"for findings"`
	Text string `json:"text"`
}

// TryRequest asks what a message would do in a chain.
type TryRequest struct {
	Files   []ChainFile `json:"files" doc:"replace chains of the server's set that have the same id, or join it; empty for the set alone"`
	Chain   string      `json:"chain,omitempty" doc:"id of the chain that the message enters; that of the first file, or the root chain, if absent"`
	Message TryMessage  `json:"message"`
}

// TryMessage is a message as a file holds it.
type TryMessage struct {
	Type     string            `json:"type,omitempty" doc:"POST_ATTRIBUTES_REQUEST if absent"`
	Device   string            `json:"device,omitempty" doc:"name; one that is not known is tried as a new device"`
	Profile  string            `json:"profile,omitempty" doc:"whose fields are read; the device's, or meters, if absent"`
	Metadata map[string]string `json:"metadata,omitempty"`
	Payload  json.RawMessage   `json:"payload,omitempty" doc:"as the device would send it"`
	Text     string            `json:"text,omitempty" doc:"the payload as text, instead of payload: devices need not send strict JSON"`
}

// TryResult is what a message would do. Nothing was written.
type TryResult struct {
	Findings engine.Findings `json:"findings" doc:"faults of the chains; with an error among them nothing was tried"`
	Device   string          `json:"device"`
	Type     string          `json:"type"`
	Hops     []TryHop        `json:"hops"`
	State    string          `json:"state" doc:"done, dead-lettered or abandoned"`
	Outcome  string          `json:"outcome,omitempty"`
	Cause    string          `json:"cause,omitempty" doc:"why it would be dead-lettered"`
	Took     float64         `json:"took" doc:"seconds"`
	Revision string          `json:"revision"`
}

// TryHop is one step of the message's way.
type TryHop struct {
	Chain    string   `json:"chain"`
	Node     string   `json:"node"`
	Kind     string   `json:"kind"`
	Relation string   `json:"relation"`
	Seen     []string `json:"seen" doc:"values that the node looked at or found, masked"`
	Error    string   `json:"error,omitempty"`
	Took     float64  `json:"took" doc:"seconds"`
}

func (a *api) try(ctx context.Context, r *http.Request) (any, error) {
	in, err := decode[TryRequest](r)
	if err != nil {
		return nil, err
	}
	return a.Try(ctx, in)
}
