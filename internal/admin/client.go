package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// Client asks an admin API.
type Client struct{ http *http.Client }

// Over is a client of the server at the other end of the connections that dial makes.
func Over(dial func() (net.Conn, error)) *Client {
	return &Client{&http.Client{Transport: &http.Transport{
		DialContext:       func(context.Context, string, string) (net.Conn, error) { return dial() },
		DisableKeepAlives: true, // a command asks once or twice; nothing is left to close
		// A refusal has to come before the body is on its way: the server closes behind it, and writing would break.
		ExpectContinueTimeout: time.Minute,
	}}}
}

// Local is a client of a handler in this process.
func Local(h http.Handler) *Client { return &Client{&http.Client{Transport: inProcess{h}}} }

// do sends a request and reads the answer into out, unless it is nil. A refusal is a *Problem.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var body io.Reader
	if in != nil {
		text, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, body)
	if err != nil {
		return err
	}
	return c.send(req, out)
}

// upload is do for a body of so many bytes, which is not sent before the server wants it.
func (c *Client) upload(ctx context.Context, path string, body io.Reader, size int64, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://admin"+path, body)
	if err != nil {
		return err
	}
	req.ContentLength = size
	req.Header.Set("Expect", "100-continue")
	return c.send(req, out)
}

func (c *Client) send(req *http.Request, out any) error {
	res, err := c.http.Do(req)
	if err != nil {
		return fmt.Errorf("asking the server: %w", errors.Unwrap(err)) // without the made-up URL
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode >= 400 {
		var p Problem
		if err := json.NewDecoder(res.Body).Decode(&p); err != nil || p.Code == "" {
			return fmt.Errorf("asking the server: it answered %s", res.Status)
		}
		return &p
	}
	if out == nil {
		return nil
	}
	if err := json.NewDecoder(res.Body).Decode(out); err != nil {
		return fmt.Errorf("reading the server's answer: %w", err)
	}
	return nil
}

// inProcess carries requests to a handler without a network.
type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody
	}
	w := &answer{header: http.Header{}, status: http.StatusOK}
	t.handler.ServeHTTP(w, r)
	return &http.Response{
		StatusCode: w.status, Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return a.body.Write(b) }
