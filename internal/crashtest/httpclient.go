package crashtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/gridtie/gridtie/engine/secret"
)

// httpClient is a meter that speaks HTTP.
type httpClient struct {
	client *http.Client
	base   string // of the API
	token  secret.Text
}

func dialHTTP(address string, token secret.Text) *httpClient {
	// Without keeping connections: a request that meets an old one is sent again behind the caller's back.
	return &httpClient{&http.Client{Timeout: patience, Transport: &http.Transport{DisableKeepAlives: true}}, "http://" + address + "/api/v1/", token}
}

func (h *httpClient) do(method, path string, body []byte) (status int, answer []byte, err error) {
	r, err := http.NewRequest(method, h.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	res, err := h.client.Do(r)
	if err != nil {
		return 0, nil, fmt.Errorf("%s: no answer", method) // the error would name the path, and so the token
	}
	answer, err = io.ReadAll(res.Body)
	_ = res.Body.Close()
	return res.StatusCode, answer, err
}

func (h *httpClient) post(path string, body []byte) ([]byte, error) {
	status, answer, err := h.do(http.MethodPost, path, body)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%w: %d", errNotAcknowledged, status)
	}
	return answer, err
}

func (h *httpClient) provision(request []byte) ([]byte, error) { return h.post("provision", request) }

func (h *httpClient) Post(payloads [][]byte, acked func(i int)) error {
	return each(payloads, func(p []byte) error { _, err := h.post(h.token.Reveal()+"/attributes", p); return err }, acked)
}

func (h *httpClient) NextCall() (int32, []byte, error) {
	status, answer, err := h.do(http.MethodGet, h.token.Reveal()+"/rpc?timeout=1000", nil)
	switch {
	case err != nil:
		return 0, nil, err
	case status == http.StatusRequestTimeout:
		return 0, nil, ErrNoCall
	case status != http.StatusOK:
		return 0, nil, fmt.Errorf("%w: poll: %d", errNotAcknowledged, status)
	}
	return readCall(answer)
}

// readCall reads a call as HTTP and CoAP have it.
func readCall(text []byte) (int32, []byte, error) {
	var c struct {
		ID     int32           `json:"id"`
		Params json.RawMessage `json:"params"`
	}
	err := json.Unmarshal(text, &c)
	return c.ID, c.Params, err
}

func (h *httpClient) Answer(number int32, body []byte) error {
	_, err := h.post(fmt.Sprintf("%s/rpc/%d", h.token.Reveal(), number), body)
	return err
}

func (h *httpClient) Close() error {
	h.client.CloseIdleConnections()
	return nil
}
