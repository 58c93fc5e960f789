package adminapi

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestEveryEditIsAudited(t *testing.T) {
	g := start(t)
	var made issued
	g.want(201, "POST", "/tokens", `{"name": "a"}`).into(t, &made)
	at, id := "/tokens/"+made.Token.ID, made.Token.ID
	requests := map[string]string{}
	do := func(action tokenstore.Action, status int, method, path, body string, header ...string) {
		t.Helper()
		requests[g.want(status, method, path, body, header...).Header.Get("X-Request-Id")] = string(action)
	}
	do(tokenstore.ActionGroupCreate, 201, "POST", "/groups", `{"name": "g"}`)
	do(tokenstore.ActionGroupUpdate, 200, "PATCH", "/groups/g", `{"permissions": ["a.b"]}`, "If-Match", "*")
	do(tokenstore.ActionTokenUpdate, 200, "PATCH", at, `{"groups": ["g"]}`, "If-Match", "*")
	do(tokenstore.ActionTokenRotate, 200, "POST", at+"/rotate", `{"grace": "1h"}`)
	do(tokenstore.ActionTokenRotateFinish, 200, "POST", at+"/rotate/finish", "")
	do(tokenstore.ActionTokenDisable, 200, "POST", at+"/disable", `{"reason": "why"}`)
	do(tokenstore.ActionTokenEnable, 200, "POST", at+"/enable", "")
	do(tokenstore.ActionGroupDelete, 204, "DELETE", "/groups/g", "")
	do(tokenstore.ActionTokenDelete, 204, "DELETE", at, "")

	var trail auditList
	g.want(200, "GET", "/audit?limit=200", "").into(t, &trail)
	for _, e := range trail.Items {
		if action, ok := requests[e.RequestID]; ok && action == string(e.Action) {
			delete(requests, e.RequestID)
		}
		if e.Result != "ok" || e.Actor.Type != tokenstore.ActorAdminEndpoint || e.Actor.IP != "127.0.0.1" {
			t.Errorf("%+v", e)
		}
	}
	if len(requests) > 0 {
		t.Errorf("the trail lacks %v", requests)
	}
	g.want(200, "GET", "/audit?action=token.disable&target="+id, "").into(t, &trail)
	if len(trail.Items) != 1 || trail.Items[0].Reason != "why" || trail.Items[0].Changes["is_active"] != [2]any{true, false} {
		t.Errorf("%+v", trail.Items)
	}
	if text := g.want(200, "GET", "/audit?limit=200", "").text; bytes.Contains(text, []byte(made.Secret[21:])) || bytes.Contains(text, []byte(`"hash"`)) {
		t.Errorf("a secret is in the trail: %s", text)
	}
	for _, method := range []string{"DELETE", "POST", "PATCH", "PUT"} {
		g.want(405, method, "/audit", "")
	}
}

func TestTheAuditTrailIsStreamedWhole(t *testing.T) {
	g := start(t)
	const n = 2*tokenstore.MaxLimit + 7
	for i := range n {
		g.token(fmt.Sprint("t", i))
	}
	a := g.want(200, "GET", "/audit", "", "Accept", ndjson)
	if a.Header.Get("Content-Type") != ndjson {
		t.Errorf("Content-Type is %q", a.Header.Get("Content-Type"))
	}
	lines := bytes.Split(bytes.TrimSuffix(a.text, []byte("\n")), []byte("\n"))
	seen := map[string]bool{}
	for _, line := range lines {
		var e tokenstore.AuditEntry
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatal(err)
		}
		seen[e.ID] = true
	}
	if len(seen) != n || len(lines) != n {
		t.Errorf("%d lines, %d entries, want %d", len(lines), len(seen), n)
	}
	a = g.want(200, "GET", "/audit?limit=3&target=t7", "", "Accept", ndjson)
	if n := bytes.Count(a.text, []byte("\n")); n != 1 {
		t.Errorf("%d lines, want 1", n)
	}
	g.refused(codeInvalidParameter, "GET", "/audit?cursor=x", "", "Accept", ndjson)
}

func TestAnEditThatCannotBeAuditedIsNotMade(t *testing.T) {
	g := start(t)
	record, secret := g.token("a")
	g.disk.fail(errors.New("disk full"))
	for _, r := range [][3]string{{"POST", "/tokens", `{"name": "b"}`}, {"PATCH", "/tokens/" + record.ID, `{"name": "c"}`},
		{"POST", "/tokens/" + record.ID + "/disable", ""}, {"POST", "/tokens/" + record.ID + "/rotate", ""},
		{"DELETE", "/tokens/" + record.ID, ""}, {"POST", "/groups", `{"name": "g"}`}} {
		g.refused(codeStoreUnavailable, r[0], r[1], r[2], "If-Match", "*")
	}
	g.disk.fail(nil)
	var after tokenstore.Record
	g.want(200, "GET", "/tokens/"+record.ID, "").into(t, &after)
	if after.Version != 1 || after.Name != "a" || !g.accepted(secret) || g.service.Stats().Total != 1 {
		t.Errorf("%+v", after)
	}
}
