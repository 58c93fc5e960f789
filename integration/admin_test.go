package integration

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// object is a JSON object.
type object = map[string]any

// answer is what the admin API said.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// into decodes the answer.
func (a answer) into(t tb, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v in %.300q", err, a.body)
	}
}

// adminCall sends one request to a path of the admin endpoint. A body that is
// not nil is sent as JSON; headers are pairs.
func (g *gateway) adminCall(ctx context.Context, method, path string, body any, headers ...string) (answer, error) {
	var r io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return answer{}, err
		}
		r = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+g.Admin+path, r)
	if err != nil {
		return answer{}, err
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		if method == http.MethodPatch {
			req.Header.Set("Content-Type", "application/merge-patch+json")
		}
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, data}, err
}

// admin is adminCall where anything but the wanted status ends the test.
func (g *gateway) admin(t tb, want int, method, path string, body any, headers ...string) answer {
	t.Helper()
	a, err := g.adminCall(t.Context(), method, "/mcp_token"+path, body, headers...)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != want {
		t.Fatalf("%s %s: status %d, want %d: %.500s", method, path, a.status, want, a.body)
	}
	return a
}

// token is what the admin API says of a token, and its secret.
type token struct {
	ID          string     `json:"id"`
	Key         string     `json:"key"`
	Name        string     `json:"name"`
	Status      string     `json:"status"`
	Groups      []string   `json:"groups"`
	Permissions []string   `json:"permissions"`
	LastUsedAt  *time.Time `json:"last_used_at"`
	LastUsedIP  *string    `json:"last_used_ip"`
	ExpiresAt   *time.Time `json:"expires_at"`
	Version     uint64     `json:"version"`

	secret string
}

// bearer is the value of an Authorization header.
func (tok token) bearer() string { return "Bearer " + tok.secret }

// names numbers what must not be called alike.
var names atomic.Int64

func unique(t tb) string {
	return fmt.Sprintf("%.150s %d", strings.NewReplacer("/", " ").Replace(t.Name()), names.Add(1))
}

// newToken makes a token; a name is chosen if none is given.
func (g *gateway) newToken(t tb, fields object) token {
	t.Helper()
	body := object{"name": unique(t)}
	for k, v := range fields {
		body[k] = v
	}
	return created(t, g.admin(t, http.StatusCreated, http.MethodPost, "/tokens", body))
}

// holder makes a token with permissions.
func (g *gateway) holder(t tb, permissions ...string) token {
	t.Helper()
	return g.newToken(t, object{"permissions": permissions})
}

// created reads the answer to a creation or a rotation.
func created(t tb, a answer) token {
	t.Helper()
	var made struct {
		Token  token  `json:"token"`
		Secret string `json:"secret"`
	}
	a.into(t, &made)
	if len(made.Secret) != 64 {
		t.Fatalf("a secret of %d characters was given", len(made.Secret))
	}
	made.Token.secret = remember(made.Secret)
	return made.Token
}

// token reads a token anew; the secret is kept.
func (g *gateway) token(t tb, tok token) token {
	t.Helper()
	var now token
	g.admin(t, http.StatusOK, http.MethodGet, "/tokens/"+tok.ID, nil).into(t, &now)
	now.secret = tok.secret
	return now
}

// patch edits a token, whatever its version.
func (g *gateway) patch(t tb, tok token, fields object) {
	t.Helper()
	g.admin(t, http.StatusOK, http.MethodPatch, "/tokens/"+tok.ID, fields, "If-Match", "*")
}

// newGroup makes a group and returns its name.
func (g *gateway) newGroup(t tb, permissions ...string) string {
	t.Helper()
	name := strings.ReplaceAll(unique(t), " ", "-")
	g.admin(t, http.StatusCreated, http.MethodPost, "/groups", object{"name": name, "permissions": permissions})
	return name
}

// patchGroup edits a group, whatever its version.
func (g *gateway) patchGroup(t tb, name string, fields object) {
	t.Helper()
	g.admin(t, http.StatusOK, http.MethodPatch, "/groups/"+name, fields, "If-Match", "*")
}

// load gives the gateway another configuration, and returns what its admin
// endpoint says of it.
func (g *gateway) load(ctx context.Context, c config) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+g.Admin+"/load", strings.NewReader(g.caddyfile(c)))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("Content-Type", "text/caddyfile")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, body}, err
}

// reload is load that must succeed.
func (g *gateway) reload(t tb, c config) {
	t.Helper()
	a, err := g.load(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if a.status != http.StatusOK {
		t.Fatalf("reload: status %d: %s", a.status, a.body)
	}
}

// fetch gets a body.
func fetch(ctx context.Context, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(resp.Body)
}
