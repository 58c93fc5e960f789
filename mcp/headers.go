package mcp

import (
	"encoding/base64"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"
)

// firstModern is the revision that did away with sessions and asks for the
// headers Mcp-Method and Mcp-Name.
const firstModern = "2026-07-28"

// field is a header field that occurs at most once.
type field struct {
	value string
	sent  bool
}

type fields struct{ version, method, name field }

// readFields refuses a header that is sent twice, because go-sdk takes the first
// line of Mcp-Name and others take the last, or join them.
func readFields(h http.Header) (f fields, refusal *Refusal) {
	for _, x := range []struct {
		name string
		to   *field
	}{
		{"Mcp-Protocol-Version", &f.version},
		{"Mcp-Method", &f.method},
		{"Mcp-Name", &f.name},
		{"Mcp-Session-Id", new(field)},
	} {
		lines := h.Values(x.name)
		if len(lines) > 1 {
			return f, refuse(CodeHeaderMismatch, "the header %s is sent %d times: send it once", x.name, len(lines))
		}
		if len(lines) == 1 {
			*x.to = field{strings.Trim(lines[0], " \t"), true}
		}
	}
	return f, nil
}

var dateForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)

// modern takes what is no date for modern, as go-sdk does, so that the stricter rules hold.
func (f fields) modern() bool {
	v := f.version.value
	return v != "" && (v >= firstModern || !dateForm.MatchString(v))
}

// fillEra settles the era. Body and header must agree on it: a server that goes
// by one would read the message by other rules than one that goes by the other.
func (d *draft) fillEra(m *Message, f fields) *Refusal {
	version := ""
	if d.meta.present() && !d.meta.is('n') {
		var refusal *Refusal
		if version, refusal = d.readMeta(); refusal != nil {
			return refusal
		}
	}
	m.Modern = version != "" || f.modern()
	switch {
	case !m.Modern:
	case version != "" && f.version.value == "":
		return refuse(CodeHeaderMismatch, "the header MCP-Protocol-Version is missing: send %q, as params._meta says", version)
	case version == "" && m.Kind == Request:
		return refuse(CodeInvalidParams, "params._meta[%q] is missing: protocol %s needs it in every request", metaVersion, f.version.value)
	case version != "" && version != f.version.value:
		return refuse(CodeHeaderMismatch, "the header MCP-Protocol-Version is %q, params._meta says %q: send one version", f.version.value, version)
	case m.Kind == Response:
		return refuse(CodeInvalidRequest, "a client sends no responses in protocol %s", f.version.value)
	case m.Flat || !d.version.present() || m.Kind == Request && !d.id.present():
		return refuse(CodeInvalidRequest, `protocol %s needs "jsonrpc", "id" and params`, f.version.value)
	}
	return nil
}

func (d *draft) readMeta() (string, *Refusal) {
	var version member
	refusal := d.walkObject(d.meta, "params._meta", metaNames, func(w *walker, key string) (err error) {
		if key == metaVersion {
			version, err = w.value()
			return err
		}
		return w.dec.SkipValue()
	})
	if refusal != nil || !version.present() {
		return "", refusal
	}
	return identifier(version, `params._meta["`+metaVersion+`"]`)
}

// checkFields compares the headers that mirror the body (SEP-2243). Legacy
// servers ignore them, but whatever routes or logs by them on the way does not.
func (d *draft) checkFields(m *Message, f fields) *Refusal {
	info := methods[m.Method]
	must := m.Modern && m.Kind == Request
	switch {
	case f.method.sent && f.method.value != m.Method:
		return refuse(CodeHeaderMismatch, "the header Mcp-Method is %q, the body says %q: send the method of the body", f.method.value, m.Method)
	case must && !f.method.sent:
		return refuse(CodeHeaderMismatch, "the header Mcp-Method is missing: send %q", m.Method)
	case must && info.headerName && !f.name.sent:
		return refuse(CodeHeaderMismatch, "the header Mcp-Name is missing: send %q", d.mirrored(m))
	case !f.name.sent:
		return nil
	}
	sent, err := decodeField(f.name.value)
	if err != "" {
		return refuse(CodeHeaderMismatch, "the header Mcp-Name is %q: %s", f.name.value, err)
	}
	if want := d.mirrored(m); sent != want {
		return refuse(CodeHeaderMismatch, "the header Mcp-Name is %q, the body says %q: send what the body says", sent, want)
	}
	return nil
}

// mirrored is what Mcp-Name repeats: of a method that is not in the table, name
// or uri, as a server that knows the method would read it.
func (d *draft) mirrored(m *Message) string {
	switch {
	case m.Name != "":
		return m.Name
	case m.URI != "":
		return m.URI
	case len(m.TaskIDs) == 1 && methods[m.Method].object == byTask:
		return m.TaskIDs[0]
	}
	for _, candidate := range []member{d.name, d.uri, d.taskID} {
		if text, ok := candidate.text(); ok {
			return text
		}
	}
	return ""
}

// decodeField undoes =?base64?…?=, by which clients send what a header cannot
// hold. Prefix and suffix are case-sensitive; without both, the value is literal.
func decodeField(value string) (decoded, problem string) {
	encoded, ok := strings.CutPrefix(value, "=?base64?")
	if ok {
		encoded, ok = strings.CutSuffix(encoded, "?=")
	}
	if !ok {
		return value, ""
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	if err != nil {
		return "", "what is between =?base64? and ?= must be padded base64"
	}
	if !utf8.Valid(raw) {
		return "", "what is between =?base64? and ?= must be the base64 form of UTF-8"
	}
	return string(raw), ""
}
