package mcp

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// member is the value of an object's member: its bytes, and where in the body
// they start. raw is nil if the object has no such member.
type member struct {
	raw jsontext.Value
	at  int
}

func (m member) present() bool { return m.raw != nil }

func (m member) is(k jsontext.Kind) bool { return m.raw.Kind() == k }

// text is the value of a string that has already been found valid.
func (m member) text() (string, bool) {
	if !m.is('"') {
		return "", false
	}
	inner := m.raw[1 : len(m.raw)-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner), true
	}
	text, err := jsontext.AppendUnquote(nil, m.raw)
	return string(text), err == nil
}

// nameIn is the text of a member's name, without a copy if it is one of names.
func (m member) nameIn(names []string) string {
	for _, known := range names {
		if string(m.raw[1:len(m.raw)-1]) == known {
			return known
		}
	}
	text, _ := m.text()
	return text
}

// draft is a body taken apart as far as a decision needs it.
type draft struct {
	body []byte

	// of the envelope; name and args only in the flat form
	version, id, method, params, result, err, flatName, flatArgs member

	// of params
	name, uri, args, ref, taskID, listen, meta member

	odd *Refusal // the first thing wrong with JSON that is otherwise valid
}

// The names by which a server learns what it is asked for. Nothing else in a
// message may be spelled almost like one of them.
var (
	envelopeNames = []string{"jsonrpc", "id", "method", "params", "result", "error", "name", "arguments"}
	paramNames    = []string{"name", "uri", "arguments", "ref", "taskId", "notifications", "_meta"}
	refNames      = []string{"type", "name", "uri"}
	listenNames   = []string{"resourceSubscriptions", "taskIds"}
	metaNames     = []string{metaVersion, metaCapabilities, "io.modelcontextprotocol/clientInfo", "io.modelcontextprotocol/logLevel", "progressToken"}
)

const (
	metaVersion      = "io.modelcontextprotocol/protocolVersion"
	metaCapabilities = "io.modelcontextprotocol/clientCapabilities"
)

// parse takes the body apart. It is the only pass over the JSON that judges its
// syntax. What can be refused later, with the id of the request, goes to odd.
func (d *draft) parse() *Refusal {
	if bytes.HasPrefix(d.body, []byte("\xef\xbb\xbf")) {
		return refuse(CodeParse, "the body begins with a byte order mark: send plain UTF-8")
	}
	w := walker{dec: jsontext.NewDecoder(bytes.NewBuffer(d.body)), body: d.body}
	switch w.dec.PeekKind() {
	case '[':
		return refuse(CodeInvalidRequest, "the body is a JSON-RPC batch: send one message per request")
	case '"', '0', 't', 'f', 'n':
		return refuse(CodeInvalidRequest, "the body must be a JSON object")
	}
	err := w.object("the message", envelopeNames, d.envelopeMember)
	if err == nil {
		err = w.end()
	}
	if err != nil {
		return syntaxRefusal(err, len(d.body))
	}
	d.odd = cmp.Or(w.odd, checkDepth(d.body), checkNumbers(d.args), checkNumbers(d.flatArgs))
	return nil
}

func (d *draft) envelopeMember(w *walker, name string) (err error) {
	switch name {
	case "jsonrpc":
		d.version, err = w.value()
	case "id":
		d.id, err = w.value()
	case "method":
		d.method, err = w.value()
	case "result":
		d.result, err = w.value()
	case "error":
		d.err, err = w.value()
	case "name":
		d.flatName, err = w.value()
	case "arguments":
		d.flatArgs, err = w.arguments()
	case "params":
		d.params, err = w.within("params", paramNames, d.param)
	default:
		err = w.dec.SkipValue()
	}
	return err
}

func (d *draft) param(w *walker, name string) (err error) {
	switch name {
	case "name":
		d.name, err = w.value()
	case "uri":
		d.uri, err = w.value()
	case "arguments":
		d.args, err = w.arguments()
	case "ref":
		d.ref, err = w.value()
	case "taskId":
		d.taskID, err = w.value()
	case "notifications":
		d.listen, err = w.value()
	case "_meta":
		d.meta, err = w.value()
	default:
		err = w.dec.SkipValue()
	}
	return err
}

// walker reads a body value by value and knows where each one is.
type walker struct {
	dec  *jsontext.Decoder
	body []byte
	base int      // where the decoder's input starts in the body of the message
	odd  *Refusal // the first name that cannot stay
}

func (w *walker) complain(r *Refusal) { w.odd = cmp.Or(w.odd, r) }

// open walks an object that parse has already found valid.
func open(m member) *walker {
	return &walker{dec: jsontext.NewDecoder(bytes.NewBuffer(m.raw)), body: m.raw, base: m.at}
}

// value reads the next value. It points into the body, not into the decoder,
// whose buffer is its own.
func (w *walker) value() (member, error) {
	raw, err := w.dec.ReadValue()
	if err != nil {
		return member{}, err
	}
	end := int(w.dec.InputOffset())
	return member{w.body[end-len(raw) : end : end], w.base + end - len(raw)}, nil
}

// object reads an object. visit is called behind each name and must read one
// value. A name that is not among names but that some server takes for one of
// them is refused, and so is one with U+0000, which ends a name in C.
func (w *walker) object(where string, names []string, visit func(*walker, string) error) error {
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	for w.dec.PeekKind() != '}' {
		m, err := w.value()
		if err != nil {
			return err
		}
		name := m.nameIn(names)
		w.complain(checkName(name, m.at, where, names))
		if err := visit(w, name); err != nil {
			return err
		}
	}
	_, err := w.dec.ReadToken()
	return err
}

// within is object for a member's value, which is taken as it is if it is no object.
func (w *walker) within(where string, names []string, visit func(*walker, string) error) (member, error) {
	if w.dec.PeekKind() != '{' {
		return w.value()
	}
	// The offset is that of the token before, so look for the brace itself.
	start := int(w.dec.InputOffset())
	start += bytes.IndexByte(w.body[start:], '{')
	if err := w.object(where, names, visit); err != nil {
		return member{}, err
	}
	end := int(w.dec.InputOffset())
	return member{w.body[start:end:end], w.base + start}, nil
}

// arguments refuses two arguments of which a server may take either for the
// other. Deeper objects are the tool's own data, where such names may be meant.
func (w *walker) arguments() (member, error) {
	seen := map[string]string{}
	return w.within("arguments", nil, func(w *walker, name string) error {
		folded := foldName(name)
		if other, ok := seen[folded]; ok {
			w.complain(refuse(CodeInvalidParams, "the arguments %q and %q (before byte %d) are one name to some servers: send one of them", other, name, w.base+int(w.dec.InputOffset())))
		}
		seen[folded] = name
		return w.dec.SkipValue()
	})
}

var errTrailing = errors.New("data after the message")

// end makes sure that nothing follows. Servers that read one value and stop
// (go-sdk) would run the first of two messages, others the last.
func (w *walker) end() error {
	if _, err := w.dec.ReadToken(); err != io.EOF {
		return errTrailing
	}
	return nil
}

func checkName(name string, at int, where string, names []string) *Refusal {
	if slices.Contains(names, name) {
		return nil
	}
	if strings.ContainsRune(name, 0) {
		return refuse(CodeInvalidRequest, "the member name at byte %d in %s holds U+0000: leave it out", at, where)
	}
	for _, known := range names {
		if SameName(name, known) {
			return refuse(CodeInvalidRequest, "the member %q at byte %d in %s is %q to some servers: spell it so or leave it out", name, at, where, known)
		}
	}
	return nil
}

func syntaxRefusal(err error, size int) *Refusal {
	syntax, ok := errors.AsType[*jsontext.SyntacticError](err)
	switch {
	case err == errTrailing:
		return refuse(CodeParse, "there is data after the message: send one message and nothing else")
	case !ok: // io.EOF or io.ErrUnexpectedEOF
		return refuse(CodeParse, "the body is not complete JSON: it ends at byte %d", size)
	case errors.Is(err, jsontext.ErrDuplicateName):
		return refuse(CodeParse, "the member %q occurs twice in %s, the second time at byte %d: send it once",
			syntax.JSONPointer.LastToken(), place(syntax.JSONPointer.Parent()), syntax.ByteOffset)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refuse(CodeParse, "the body is not complete JSON: it ends at byte %d in %s", size, place(syntax.JSONPointer))
	}
	return refuse(CodeParse, "the body is not valid JSON at byte %d in %s: %v", syntax.ByteOffset, place(syntax.JSONPointer), syntax.Err)
}

// place names a member without giving back more of a hostile body than helps.
func place(p jsontext.Pointer) string {
	switch {
	case p == "":
		return "the message"
	case len(p) > 100:
		return strings.ToValidUTF8(string(p[:100]), "") + "…"
	}
	return string(p)
}
