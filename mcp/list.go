package mcp

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/go-json-experiment/json/jsontext"
)

// List names the member of a result that holds a list.
type List string

const (
	Tools             List = "tools"             // elements have a name
	Prompts           List = "prompts"           // elements have a name
	Resources         List = "resources"         // elements have a uri
	ResourceTemplates List = "resourceTemplates" // elements have a uriTemplate
)

// key is the member by which an element of the list is known.
func (l List) key() string {
	switch l {
	case Resources:
		return "uri"
	case ResourceTemplates:
		return "uriTemplate"
	}
	return "name"
}

// Keep tells whether an element stays in a list; name is its name, uri or
// uriTemplate. It is called once per element, in order.
type Keep func(l List, name string) bool

// Unreadable says why a message from a server cannot be filtered. Nothing of the
// message may be sent on; ErrorBody answers in its place.
type Unreadable struct {
	ID    jsontext.Value // of the message; nil if it has none or it cannot be read
	Cause error
}

func (u *Unreadable) Error() string {
	return fmt.Sprintf("the server's message cannot be filtered: %v", u.Cause)
}

func (u *Unreadable) Unwrap() error { return u.Cause }

// FilterMessage appends src, one JSON-RPC message from a server, to dst without
// the list elements that keep turns down. Lists are found by their place in the
// message, not by the request it answers: a stream that is resumed replays
// results of any request. The message's other bytes stay as they are, but for
// cacheScope, which becomes "private" in every result that has a list.
//
// The error is an *Unreadable, and dst is returned as it was.
func FilterMessage(dst, src []byte, keep Keep) ([]byte, error) {
	f := listFilter{src: src, keep: keep}
	if err := f.run(); err != nil {
		return dst, &Unreadable{ID: salvageID(src), Cause: err}
	}
	at := 0
	for _, e := range f.edits {
		dst = append(append(dst, src[at:e.from]...), e.with...)
		at = e.to
	}
	return append(dst, src[at:]...), nil
}

// listFilter collects what has to change in a message.
type listFilter struct {
	src   []byte
	keep  Keep
	lists bool
	edits []edit
}

type edit struct {
	from, to int
	with     string
}

var (
	resultNames = []string{string(Tools), string(Prompts), string(Resources), string(ResourceTemplates), "cacheScope"}
	frameNames  = append([]string{"result", "id"}, resultNames...)
)

// run reads the message strictly. JavaScript writes text that was cut inside a
// character as a lone surrogate, so broken Unicode is let through in messages
// without a list; in one with a list it could make two names of one.
func (f *listFilter) run() error {
	err := f.message()
	if err == nil {
		return nil
	}
	lenient := listFilter{src: f.src, keep: f.keep}
	if lenient.message(jsontext.AllowInvalidUTF8(true)) == nil && !lenient.lists {
		return nil
	}
	return err
}

func (f *listFilter) message(options ...jsontext.Options) error {
	w := &walker{dec: jsontext.NewDecoder(bytes.NewBuffer(f.src), options...), body: f.src}
	switch w.dec.PeekKind() {
	case '[':
		return errors.New("it is a batch")
	case '"', '0', 't', 'f', 'n':
		return errors.New("it is no JSON object")
	}
	if err := f.object(w, frameNames); err != nil {
		return err
	}
	if err := w.end(); err != nil {
		return err
	}
	if w.odd != nil {
		return w.odd
	}
	slices.SortFunc(f.edits, func(a, b edit) int { return cmp.Compare(a.from, b.from) })
	return nil
}

// object walks the envelope, and the result in it. django-admin-mcp's flat form
// is answered by a bare result, so lists are looked for in both. A result counts
// even in a frame that also has a method or an error: clients differ in what
// they take such a frame for.
func (f *listFilter) object(w *walker, names []string) error {
	var scope member
	lists := false
	err := w.object("the message", names, func(w *walker, name string) (err error) {
		switch {
		case name == "result" && slices.Contains(names, "result") && w.dec.PeekKind() == '{':
			return f.object(w, resultNames)
		case name == "cacheScope":
			scope, err = w.value()
			return err
		case slices.Contains(resultNames, name):
			lists = true
			return f.list(w, List(name))
		}
		return w.dec.SkipValue()
	})
	f.lists = f.lists || lists
	if lists && scope.present() {
		f.edits = append(f.edits, edit{scope.at, scope.at + len(scope.raw), `"private"`})
	}
	return err
}

// list drops elements together with what parts them from the element before.
func (f *listFilter) list(w *walker, l List) error {
	switch w.dec.PeekKind() {
	case 'n': // an empty list, as Go writes it
		return w.dec.SkipValue()
	case '{', '"', '0', 't', 'f':
		return fmt.Errorf("%q is no list", l)
	}
	if _, err := w.dec.ReadToken(); err != nil {
		return err
	}
	before := int(w.dec.InputOffset()) // behind the bracket or the element before
	dropped, kept := false, false
	for w.dec.PeekKind() != ']' {
		name, ok, err := elementName(w, l)
		if err != nil {
			return err
		}
		end := int(w.dec.InputOffset())
		switch {
		case !ok || !f.keep(l, name):
			dropped = true
			f.edits = append(f.edits, edit{from: before, to: end})
		case dropped && !kept:
			// What is now first must lose the comma in front of it.
			comma := before + bytes.IndexByte(f.src[before:], ',')
			f.edits = append(f.edits, edit{from: before, to: comma + 1})
			kept = true
		default:
			kept = true
		}
		before = end
	}
	_, err := w.dec.ReadToken()
	return err
}

// elementName reads a list element. One that has no name, or from which some
// client would read another, could be called by nothing that a rule knows.
func elementName(w *walker, l List) (text string, ok bool, err error) {
	var name member
	odd := w.odd
	w.odd = nil
	_, err = w.within("the element", []string{l.key()}, func(w *walker, key string) (err error) {
		if key == l.key() {
			name, err = w.value()
			return err
		}
		return w.dec.SkipValue()
	})
	text, refusal := identifier(name, l.key())
	ok = w.odd == nil && refusal == nil
	w.odd = odd
	return text, ok, err
}

// salvageID finds the id in a message that is broken somewhere. The id of a
// frame with a method is the server's own and means nothing to the client.
func salvageID(src []byte) jsontext.Value {
	w := &walker{dec: jsontext.NewDecoder(bytes.NewBuffer(src), jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true)), body: src}
	if w.dec.PeekKind() != '{' {
		return nil
	}
	var d draft
	_ = w.object("", nil, func(w *walker, name string) (err error) {
		switch name {
		case "id":
			d.id, err = w.value()
		case "method":
			d.method, err = w.value()
		default:
			err = w.dec.SkipValue()
		}
		return err
	})
	id, refusal := d.readID()
	if refusal != nil || d.method.present() || !id.IsValid() {
		return nil
	}
	return bytes.Clone(id)
}
