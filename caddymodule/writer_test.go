package caddymodule

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// proxied is how the proxy behaves when its context ends: before the header it
// answers 499, after it the response breaks off.
func proxied(begin func(http.ResponseWriter)) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, req *http.Request) error {
		if begin != nil {
			begin(w)
			_ = http.NewResponseController(w).Flush()
		}
		<-req.Context().Done()
		if begin != nil {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(499)
		return nil
	}
}

// open sends a request that will not be answered at once, and waits until it is
// live.
func (r *rig) open(request string) *bufio.Reader {
	r.t.Helper()
	conn, err := net.Dial("tcp", r.server.Listener.Addr().String())
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	want := r.service.LiveCount() + 1
	if _, err := io.WriteString(conn, request); err != nil {
		r.t.Fatal(err)
	}
	r.until(func() bool { return r.service.LiveCount() == want && r.got() > 0 })
	return bufio.NewReader(conn)
}

// until waits for a condition.
func (r *rig) until(condition func() bool) {
	r.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			r.t.Fatal("waited too long")
		}
	}
}

func TestARequestWhoseTokenIsTakenAwayIsRefusedAfterAll(t *testing.T) {
	for name, tt := range map[string]struct {
		edit   func(*rig, tokenstore.Record) error
		status int
		want   string
	}{
		"disabled": {func(r *rig, record tokenstore.Record) error {
			_, err := r.service.SetActive(r.t.Context(), admin, record.ID, 0, false, "")
			return err
		}, 401, `"message":"` + badToken + `"`},
		"deleted": {func(r *rig, record tokenstore.Record) error {
			return r.service.DeleteToken(r.t.Context(), admin, record.ID, 0)
		}, 401, `"message":"` + badToken + `"`},
		"narrowed": {func(r *rig, record tokenstore.Record) error {
			_, err := r.service.UpdateToken(r.t.Context(), admin, record.ID, 0, tokenstore.TokenPatch{Permissions: &[]string{"c.d"}})
			return err
		}, 403, `"data":{"reason":"permission_changed"}`},
		"ended": {func(r *rig, record tokenstore.Record) error {
			_, err := r.service.EndLive(r.t.Context(), admin, record.ID, "")
			return err
		}, 403, `"data":{"reason":"ended_by_operator"}`},
		"closed": {func(r *rig, _ tokenstore.Record) error { return r.service.Close() }, 503, `"code":503`},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "{\n require a.b\n tool ok allow\n}")
			record, secret := r.token("a.b")
			r.upstream = proxied(nil)
			body := call("7", "ok")
			from := r.open(fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n\r\n%s", len(body), bearer(secret), body))
			if err := tt.edit(r, record); err != nil {
				t.Fatal(err)
			}
			a := r.read(from)
			if a.StatusCode != tt.status || !strings.Contains(a.body, tt.want) || !strings.Contains(a.body, `"id":7`) {
				t.Errorf("%d %s", a.StatusCode, a.body)
			}
		})
	}
}

func TestAHandlerThatNeverLooksUpIsEndedAtItsNextWrite(t *testing.T) {
	r := newRig(t, "require a.b")
	record, secret := r.token("a.b")
	var failed error
	done := make(chan struct{})
	r.upstream = func(w http.ResponseWriter, _ *http.Request) error {
		defer close(done)
		_, _ = io.WriteString(w, "before")
		_ = http.NewResponseController(w).Flush()
		r.until(func() bool { return r.service.LiveCount() == 0 })
		_, failed = io.Copy(w, strings.NewReader("after")) // by ReadFrom
		return nil
	}
	from := r.open("GET /mcp HTTP/1.1\r\nHost: localhost\r\n" + bearer(secret) + "\r\n\r\n")
	if _, err := r.service.SetActive(t.Context(), admin, record.ID, 0, false, ""); err != nil {
		t.Fatal(err)
	}
	<-done
	if failed == nil {
		t.Error("the write succeeded")
	}
	if a := r.read(from); strings.Contains(a.body, "after") {
		t.Errorf("body %q", a.body)
	}
}

func TestAnEventStreamSaysWhyItEnds(t *testing.T) {
	const last = "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/message\",\"params\":{\"level\":\"error\",\"logger\":\"mcp_token\"," +
		"\"data\":{\"reason\":\"credential_revoked\",\"message\":\"" + badToken + "\"}}}\n\n"
	for name, tt := range map[string]struct{ kind, sent, want string }{
		"between events":     {"text/event-stream", "data: {}\n\n", "data: {}\n\n" + last},
		"before the first":   {"text/event-stream; charset=utf-8", "", last},
		"with CRLF":          {"text/event-stream", "data: {}\r\n\r\n", "data: {}\r\n\r\n" + last},
		"inside an event":    {"text/event-stream", "data: {", "data: {"},
		"inside a field":     {"text/event-stream", "data: {}\n", "data: {}\n"},
		"in no event stream": {"text/plain", "data: {}\n\n", "data: {}\n\n"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, "require a.b")
			record, secret := r.token("a.b")
			r.upstream = proxied(func(w http.ResponseWriter) {
				w.Header().Set("Content-Type", tt.kind)
				_, _ = io.WriteString(w, tt.sent)
			})
			from := r.open("GET /mcp HTTP/1.1\r\nHost: localhost\r\n" + bearer(secret) + "\r\n\r\n")
			response, err := http.ReadResponse(from, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := r.service.SetActive(t.Context(), admin, record.ID, 0, false, ""); err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(response.Body)
			if string(body) != tt.want || err != io.ErrUnexpectedEOF {
				t.Errorf("%q, %v\nwant %q", body, err, tt.want)
			}
			r.until(func() bool { return r.logs.FilterMessage("ended a running request").Len() == 1 })
		})
	}
}

func TestTheEventStreamOfARequestEndsWithItsAnswer(t *testing.T) {
	r := newRig(t, "{"+rules+"}")
	record, secret := r.token("a.b")
	r.upstream = proxied(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
	})
	body := call("7", "ok")
	from := r.open(fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n%s\r\n\r\n%s", len(body), bearer(secret), body))
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.service.SetActive(t.Context(), admin, record.ID, 0, false, ""); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(response.Body)
	want := `data: {"jsonrpc":"2.0","id":7,"error":{"code":401,"message":"` + badToken + `","data":{"reason":"credential_revoked"}}}`
	if string(got) != "event: message\n"+want+"\n\n" || err != io.ErrUnexpectedEOF {
		t.Errorf("%q, %v", got, err)
	}
}

func TestAStreamIsToldWhenItsListsChange(t *testing.T) {
	r := newRig(t, "{"+rules+"}")
	record, secret := r.token("a.b")
	other, _ := r.token("a.b")
	r.upstream = proxied(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {}\n\n")
	})
	from := r.open("GET /mcp HTTP/1.1\r\nHost: localhost\r\n" + bearer(secret) + "\r\n\r\n")
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	description := "text"
	for _, edit := range []struct {
		id    string
		patch tokenstore.TokenPatch
	}{
		{other.ID, tokenstore.TokenPatch{Permissions: &[]string{"a.b", "c.d"}}},
		{record.ID, tokenstore.TokenPatch{Description: &description}},
		{record.ID, tokenstore.TokenPatch{Permissions: &[]string{"a.b", "c.d"}}},
	} {
		if _, err := r.service.UpdateToken(t.Context(), admin, edit.id, 0, edit.patch); err != nil {
			t.Fatal(err)
		}
	}
	want := "data: {}\n\n" +
		"event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n" +
		"event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/prompts/list_changed\"}\n\n"
	body := make([]byte, len(want))
	if _, err := io.ReadFull(response.Body, body); err != nil || string(body) != want {
		t.Errorf("%q, %v\nwant %q", body, err, want)
	}
}

func TestASubscriptionIsToldWhatItAskedForUnderItsID(t *testing.T) {
	r := newRig(t, "{"+rules+"}")
	record, secret := r.token("a.b")
	r.upstream = proxied(func(w http.ResponseWriter) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.WriteHeader(http.StatusOK)
	})
	body := `{"jsonrpc":"2.0","id":"s1","method":"subscriptions/listen","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}},"notifications":{"toolsListChanged":true,"promptsListChanged":false}}}`
	from := r.open(fmt.Sprintf("POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nMCP-Protocol-Version: 2026-07-28\r\nMcp-Method: subscriptions/listen\r\nContent-Length: %d\r\n%s\r\n\r\n%s", len(body), bearer(secret), body))
	response, err := http.ReadResponse(from, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.service.UpdateToken(t.Context(), admin, record.ID, 0, tokenstore.TokenPatch{Permissions: &[]string{"a.b", "c.d"}}); err != nil {
		t.Fatal(err)
	}
	want := "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\",\"params\":{\"_meta\":{\"io.modelcontextprotocol/subscriptionId\":\"s1\"}}}\n\n"
	got := make([]byte, len(want))
	if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != want {
		t.Errorf("%q, %v\nwant %q", got, err, want)
	}
}

func TestTheTailKnowsWhereEventsEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOf(rapid.SampledFrom([]string{"\r", "\n", "\r\n", "data: x", "y"})).Draw(t, "parts")
		var kept tail
		all := ""
		for _, part := range parts {
			kept.add([]byte(part))
			all += part
		}
		if got := kept.atBoundary(); got != endsEvent(all) {
			t.Fatalf("%q: %v", all, got)
		}
	})
}

// endsEvent reads a whole stream: has its last line ended, and is it empty?
func endsEvent(s string) bool {
	s = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(s)
	return s == "" || s == "\n" || strings.HasSuffix(s, "\n\n")
}

func TestAConnectionCannotBeTakenOver(t *testing.T) {
	r := newRig(t, "require a.b")
	_, secret := r.token("a.b")
	var failed error
	r.upstream = func(w http.ResponseWriter, _ *http.Request) error {
		_, _, failed = http.NewResponseController(w).Hijack()
		return nil
	}
	r.get("/mcp", bearer(secret))
	if failed == nil {
		t.Error("it can")
	}
}
