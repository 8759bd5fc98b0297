package admin

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/gridtie/gridtie/supplypoint"
)

// Problem is a refusal as problem details (RFC 9457), with a stable code and a hint. It is an error.
type Problem struct {
	Title  string `json:"title" doc:"the HTTP status in words"`
	Status int    `json:"status" doc:"HTTP status"`
	Code   string `json:"code" doc:"stable, to act upon: not-found, exists, in-use, from-file, invalid, no-answer, not-connected, unavailable or internal"`
	Detail string `json:"detail" doc:"what happened and why"`
	Help   string `json:"hint,omitempty" doc:"what mends it"`
}

func (p *Problem) Error() string { return p.Detail }

// Hint is what mends it; empty if nothing obvious does.
func (p *Problem) Hint() string { return p.Help }

// The codes of problems.
const (
	CodeNotFound = "not-found"
	CodeExists   = "exists"
	CodeInUse    = "in-use"
	CodeFromFile = "from-file" // only the file changes it
	CodeInvalid  = "invalid"
	CodeInternal = "internal"

	// CodeUnavailable: nothing can be kept at the moment; nothing was changed.
	CodeUnavailable = "unavailable"

	// CodeNoAnswer: the device had a call, and did not answer it in time.
	CodeNoAnswer = "no-answer"
	// CodeNotConnected: the device was not there to take a call, or no server runs that could have called it.
	CodeNotConnected = "not-connected"
)

func problem(status int, code, detail, hint string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: detail, Help: hint}
}

func notFound(detail, hint string) *Problem {
	return problem(http.StatusNotFound, CodeNotFound, detail, hint)
}

func invalid(detail, hint string) *Problem {
	return problem(http.StatusBadRequest, CodeInvalid, detail, hint)
}

// writeProblem answers with err. What has no code of ours is internal: the caller logs it whole, and the client gets one
// neutral sentence.
func writeProblem(w http.ResponseWriter, err error) (internal bool) {
	var p *Problem
	if !errors.As(err, &p) {
		p, internal = problem(http.StatusInternalServerError, CodeInternal, "something went wrong inside the server", "its log says more"), true
	}
	shown := *p // what the request called a device, a profile, a field
	shown.Detail, shown.Help = supplypoint.MaskIn(p.Detail), supplypoint.MaskIn(p.Help)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(&shown) // a client that is gone needs no answer
	return internal
}
