package mcp

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// readID takes the id that answers must carry. null, fractions and exponents are
// refused because servers that take them echo another spelling, and integers
// beyond 2^53-1 because JavaScript echoes another number.
func (d *draft) readID() (jsontext.Value, *Refusal) {
	id := d.id
	switch {
	case !id.present(), id.is('"'):
		return id.raw, nil
	case id.is('0') && !strings.ContainsAny(string(id.raw), ".eE") && string(id.raw) != "-0" && agreed(id.raw):
		return id.raw, nil
	}
	return nil, refuse(CodeInvalidRequest, "the id at byte %d must be a string or an integer between ±9007199254740991", id.at)
}

// fill decides what kind of message this is and what it asks for.
func (d *draft) fill(m *Message, h http.Header) *Refusal {
	if d.odd != nil {
		return d.odd
	}
	f, refusal := readFields(h)
	if refusal == nil {
		refusal = d.fillKind(m)
	}
	if refusal == nil {
		refusal = d.fillEra(m, f)
	}
	if refusal == nil {
		refusal = d.fillObject(m)
	}
	if refusal == nil {
		refusal = d.checkFields(m, f)
	}
	return refusal
}

// fillKind settles method, request or notification or response, and flat form.
func (d *draft) fillKind(m *Message) *Refusal {
	if d.version.present() {
		if v, _ := d.version.text(); v != "2.0" {
			return refuse(CodeInvalidRequest, `the member "jsonrpc" at byte %d must be "2.0"`, d.version.at)
		}
	}
	if !d.method.present() {
		return d.fillResponse(m)
	}
	method, ok := d.method.text()
	switch {
	case !ok:
		return refuse(CodeInvalidRequest, `the member "method" at byte %d must be a string`, d.method.at)
	case !isVisible(method):
		return refuse(CodeInvalidRequest, `the method at byte %d may hold visible ASCII characters only`, d.method.at)
	case d.result.present() || d.err.present():
		return refuse(CodeInvalidRequest, `the message has both a method and a result or error: a request has neither, a response has no method`)
	case d.params.present() && !d.params.is('{'):
		return refuse(CodeInvalidRequest, `the member "params" at byte %d must be an object`, d.params.at)
	}
	m.Method = method
	info, known := methods[method]
	if !known {
		if near := nearMethod(method); near != "" {
			return refuse(CodeInvalidRequest, "the method at byte %d must be spelled %q", d.method.at, near)
		}
		info.notification = strings.HasPrefix(method, "notifications/")
	}
	return d.fillCall(m, info, known)
}

func (d *draft) fillResponse(m *Message) *Refusal {
	m.Kind = Response
	switch {
	case !d.result.present() && !d.err.present():
		return refuse(CodeInvalidRequest, `the message has no method: send a JSON-RPC request`)
	case d.result.present() && d.err.present():
		return refuse(CodeInvalidRequest, `the response has both a result and an error: send one`)
	case d.params.present() || d.flatName.present() || d.flatArgs.present():
		return refuse(CodeInvalidRequest, `a response has no params, name or arguments: leave them out`)
	case !d.version.present():
		return refuse(CodeInvalidRequest, `the member "jsonrpc" is missing: it must be "2.0"`)
	case !d.id.present():
		return refuse(CodeInvalidRequest, `the response has no id: send that of the request it answers`)
	}
	return nil
}

// fillCall settles what has a method. One that servers run must have an id, or
// else some would run it and others ignore it.
func (d *draft) fillCall(m *Message, info methodInfo, known bool) *Refusal {
	m.Kind = Request
	m.Flat = d.flatName.present() || d.flatArgs.present()
	if m.Flat {
		switch name, at := d.stray(); {
		case d.params.present():
			return refuse(CodeInvalidRequest, "the message has both params and %q at byte %d: send params alone", name, at)
		case m.Method != "tools/call":
			return refuse(CodeInvalidRequest, "the member %q at byte %d belongs into params", name, at)
		}
	}
	if !d.version.present() && !info.flat {
		return refuse(CodeInvalidRequest, `the member "jsonrpc" is missing: it must be "2.0"`)
	}
	switch {
	case d.id.present() && info.notification:
		return refuse(CodeInvalidRequest, `%s is a notification: leave out the id at byte %d`, m.Method, d.id.at)
	case d.id.present() || info.flat:
	case known && !info.notification:
		return refuse(CodeInvalidRequest, `%s needs an id: a string or an integer`, m.Method)
	default:
		m.Kind = Notification
	}
	return nil
}

// stray is the member of the flat form that the envelope holds.
func (d *draft) stray() (name string, at int) {
	if d.flatName.present() {
		return "name", d.flatName.at
	}
	return "arguments", d.flatArgs.at
}

// fillObject reads what the method is for.
func (d *draft) fillObject(m *Message) (refusal *Refusal) {
	switch methods[m.Method].object {
	case byName:
		name, args, where := d.name, d.args, "params.name"
		if m.Flat {
			name, args, where = d.flatName, d.flatArgs, "name"
		}
		if m.Name, refusal = identifier(name, where); refusal == nil {
			m.Arguments, refusal = argumentsOf(args)
		}
	case byURI:
		if m.Modern && methods[m.Method].legacy && !d.uri.present() {
			return nil
		}
		m.URI, refusal = identifier(d.uri, "params.uri")
	case byTask:
		var id string
		id, refusal = identifier(d.taskID, "params.taskId")
		m.TaskIDs = []string{id}
	case byRef:
		refusal = d.fillRef(m)
	case byListen:
		refusal = d.fillListen(m)
	}
	return refusal
}

// fillRef reads what a completion is for. A ref that has both identifiers is
// refused: it would be judged by one and could be answered by the other.
func (d *draft) fillRef(m *Message) *Refusal {
	var kind, name, uri member
	refusal := d.walkObject(d.ref, "params.ref", refNames, func(w *walker, key string) (err error) {
		switch key {
		case "type":
			kind, err = w.value()
		case "name":
			name, err = w.value()
		case "uri":
			uri, err = w.value()
		default:
			err = w.dec.SkipValue()
		}
		return err
	})
	if refusal != nil {
		return refusal
	}
	switch t, _ := kind.text(); {
	case t == "ref/prompt" && !uri.present():
		m.Name, refusal = identifier(name, "params.ref.name")
	case t == "ref/resource" && !name.present():
		m.URI, refusal = identifier(uri, "params.ref.uri")
	case t == "ref/prompt" || t == "ref/resource":
		refusal = refuse(CodeInvalidParams, `params.ref at byte %d has both a name and a uri: a ref/prompt has a name, a ref/resource a uri`, d.ref.at)
	default:
		refusal = refuse(CodeInvalidParams, `params.ref at byte %d must be of type "ref/prompt" or "ref/resource"`, d.ref.at)
	}
	return refusal
}

// fillListen reads what a stream subscribes to. Nothing of it is optional to
// judge: a server sends updates for every URI and task that it finds here.
func (d *draft) fillListen(m *Message) *Refusal {
	var uris, tasks member
	refusal := d.walkObject(d.listen, "params.notifications", listenNames, func(w *walker, key string) (err error) {
		switch key {
		case "resourceSubscriptions":
			uris, err = w.value()
		case "taskIds":
			tasks, err = w.value()
		default:
			err = w.dec.SkipValue()
		}
		return err
	})
	if refusal == nil {
		m.URIs, refusal = identifiers(uris, "params.notifications.resourceSubscriptions")
	}
	if refusal == nil {
		m.TaskIDs, refusal = identifiers(tasks, "params.notifications.taskIds")
	}
	return refusal
}

// walkObject walks a member of params that must be an object.
func (d *draft) walkObject(m member, where string, names []string, visit func(*walker, string) error) *Refusal {
	if !m.is('{') {
		return refuse(CodeInvalidParams, "%s must be an object", where)
	}
	w := open(m)
	if err := w.object(where, names, visit); err != nil {
		return syntaxRefusal(err, len(d.body))
	}
	return w.odd
}

// identifier is a name, URI or id that a decision is about.
func identifier(m member, where string) (string, *Refusal) {
	text, ok := m.text()
	switch {
	case !m.present():
		return "", refuse(CodeInvalidParams, "%s is missing: it must be a string", where)
	case !ok:
		return "", refuse(CodeInvalidParams, "%s at byte %d must be a string", where, m.at)
	case text == "":
		return "", refuse(CodeInvalidParams, "%s at byte %d must not be empty", where, m.at)
	case strings.ContainsFunc(text, isControl):
		// A server in C would read "secret\u0000.ok" as "secret".
		return "", refuse(CodeInvalidParams, "%s at byte %d must not hold control characters", where, m.at)
	}
	return text, nil
}

func identifiers(m member, where string) ([]string, *Refusal) {
	if !m.present() {
		return nil, nil
	}
	if !m.is('[') {
		return nil, refuse(CodeInvalidParams, "%s at byte %d must be an array of strings", where, m.at)
	}
	w := open(m)
	if _, err := w.dec.ReadToken(); err != nil {
		return nil, syntaxRefusal(err, len(m.raw))
	}
	list := []string{}
	for w.dec.PeekKind() != ']' {
		element, err := w.value()
		if err != nil {
			return nil, syntaxRefusal(err, len(m.raw))
		}
		text, refusal := identifier(element, fmt.Sprintf("%s/%d", where, len(list)))
		if refusal != nil {
			return nil, refusal
		}
		list = append(list, text)
	}
	return list, nil
}

// argumentsOf takes null for no arguments, as all servers do.
func argumentsOf(m member) (jsontext.Value, *Refusal) {
	switch {
	case !m.present(), m.is('n'):
		return nil, nil
	case !m.is('{'):
		return nil, refuse(CodeInvalidParams, "the arguments at byte %d must be an object", m.at)
	}
	return m.raw, nil
}

// nearMethod is the method that a server which trims or folds would run.
func nearMethod(method string) string {
	for known := range methods {
		if SameName(method, known) {
			return known
		}
	}
	return ""
}

func isVisible(s string) bool {
	return s != "" && !slices.ContainsFunc([]byte(s), func(c byte) bool { return c <= ' ' || c > '~' })
}

func isControl(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 }
