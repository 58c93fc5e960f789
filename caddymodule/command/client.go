package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
)

const (
	// maxAnswer bounds what is read of one answer, in bytes: 200 tokens with
	// long descriptions and many permissions are far below.
	maxAnswer = 64 << 20

	// startupWait is how long a server may answer 503 because it has just
	// started.
	startupWait = 3 * time.Second
)

// client speaks the admin API, with a server or with the API in this process.
type client struct {
	http   *http.Client
	base   string // URL of the API's root, without a slash at the end
	origin string // the Origin that Caddy's admin endpoint expects; may be empty
	where  string // for messages: "the gateway at localhost:2019"
	close  func()
}

// answer is a successful response.
type answer struct {
	body []byte
	etag string
}

// decode reads the JSON of a into v.
func (a answer) decode(v any) error {
	if err := json.Unmarshal(a.body, v); err != nil {
		return serverf("The answer is not what this version of the command expects: %v.", err)
	}
	return nil
}

// apiError is a problem that the API answered.
type apiError struct {
	adminapi.Problem
}

// Error is the problem in sentences.
func (e *apiError) Error() string {
	var lines []string
	if e.Detail != "" {
		lines = append(lines, e.Detail)
	}
	for _, f := range e.Errors {
		if field := strings.TrimPrefix(f.Pointer, "/") + f.Parameter; field != "" {
			lines = append(lines, fmt.Sprintf("  %s %s", field, f.Detail))
		}
	}
	if len(lines) == 0 {
		lines = append(lines, fmt.Sprintf("HTTP status %d %s", e.Status, http.StatusText(e.Status)))
	}
	return strings.Join(lines, "\n")
}

// asFailure gives the problem its exit code.
func (e *apiError) asFailure() error {
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestEntityTooLarge:
		return &failure{exitUsage, e.Error()}
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusConflict,
		http.StatusPreconditionFailed:
		return &failure{exitFailed, e.Error()}
	}
	return &failure{exitServer, e.Error()}
}

// request is one call of the API.
type request struct {
	method string
	path   []string // segments below the root, not yet escaped
	query  url.Values
	body   any    // sent as JSON
	match  string // If-Match
}

func get(path ...string) request { return request{method: http.MethodGet, path: path} }
func post(body any, path ...string) request {
	return request{method: http.MethodPost, path: path, body: body}
}
func remove(path ...string) request { return request{method: http.MethodDelete, path: path} }
func patch(etag string, body any, path ...string) request {
	return request{method: http.MethodPatch, path: path, body: body, match: etag}
}

// do sends r and returns the answer, or a *failure or *apiError.
func (a *client) do(ctx context.Context, r request) (answer, error) {
	resp, err := a.send(ctx, r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return answer{}, serverf("Reading the answer of %s: %v.", a.where, err)
	}
	return answer{body, resp.Header.Get("ETag")}, nil
}

// call is do for callers that treat no problem specially: its errors have their
// exit codes. The answer is decoded into out, unless that is nil.
func (a *client) call(ctx context.Context, r request, out any) (answer, error) {
	ans, err := a.do(ctx, r)
	if err != nil {
		return ans, classed(err)
	}
	if out != nil {
		err = ans.decode(out)
	}
	return ans, err
}

// classed gives an error of do its exit code.
func classed(err error) error {
	if e, ok := errors.AsType[*apiError](err); ok {
		return e.asFailure()
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return serverf("The server went away: %v.", e.Err)
	}
	return err
}

// isProblem reports whether err is the problem with that status.
func isProblem(err error, status int) bool {
	e, ok := errors.AsType[*apiError](err)
	return ok && e.Status == status
}

// send sends r; the caller closes the body of the response, which is a success.
func (a *client) send(ctx context.Context, r request) (*http.Response, error) {
	u := a.base
	for _, segment := range r.path {
		u += "/" + url.PathEscape(segment)
	}
	if len(r.query) > 0 {
		u += "?" + r.query.Encode()
	}
	var body io.Reader
	if r.body != nil {
		text, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u, body)
	if err != nil {
		return nil, usagef("%v", err)
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.match != "" {
		req.Header.Set("If-Match", r.match)
	}
	if a.origin != "" {
		req.Header.Set("Origin", a.origin)
	}
	resp, err := a.http.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode >= 300 {
		defer resp.Body.Close()
		return nil, a.problem(resp)
	}
	return resp, nil
}

// problem reads the error that resp is. Caddy's own, as of its check of the
// Host and Origin, have another form than those of the API.
func (a *client) problem(resp *http.Response) error {
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	e := &apiError{}
	mediaType, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if mediaType == "application/problem+json" && json.Unmarshal(body, &e.Problem) == nil {
		e.Status = resp.StatusCode
		return e
	}
	var caddys struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(body, &caddys) == nil && caddys.Error != "" {
		return serverf("%s: %s", a.where, caddys.Error)
	}
	if resp.StatusCode == http.StatusNotFound {
		return serverf("%s has no token gateway: its configuration or its binary is without mcp_token. Say which server to ask by --address or --config.", a.where)
	}
	return serverf("%s answered %s.", a.where, resp.Status)
}
