package policy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/go-json-experiment/json/jsontext"
)

// readArguments turns the raw arguments of a message into what conditions see:
// a map of strings to CEL values. None are an empty map. The result is a CEL
// error, on which every condition fails that looks at the arguments, if servers
// could read them differently.
func readArguments(raw jsontext.Value) ref.Val {
	if raw == nil {
		raw = jsontext.Value("{}")
	}
	d := jsontext.NewDecoder(bytes.NewReader(raw))
	if d.PeekKind() != '{' {
		return types.NewErr("the arguments are not an object")
	}
	v, err := readValue(d)
	if err != nil {
		return types.NewErr("arguments: %v", err)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// readValue reads the next JSON value. The decoder refuses duplicate names and
// bounds the depth.
func readValue(d *jsontext.Decoder) (any, error) {
	token, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		return readObject(d)
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := readValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.ReadToken()
		return list, err
	case '"':
		return token.String(), nil
	case '0':
		return readNumber(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil
}

// readObject reads members up to the closing brace. Two names that differ only
// in case are refused: a server that decodes into Go structs takes the one for
// the other, so that a condition would be asked about the wrong value.
func readObject(d *jsontext.Decoder) (any, error) {
	object := map[string]any{}
	folded := map[string]string{}
	for d.PeekKind() != '}' {
		token, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		if twin, ok := folded[fold(name)]; ok {
			return nil, fmt.Errorf("the members %q and %q differ only in case", twin, name)
		}
		folded[fold(name)] = name
		if object[name], err = readValue(d); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return object, err
}

// fold maps strings that are equal under Unicode's simple case folding to the
// same string.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// maxExact is the last integer up to which a double is exact.
const maxExact = 1 << 53

// readNumber keeps integers as integers. One that JavaScript would round, and a
// number that no double can hold, is an error value: a condition that looks at
// it fails, because it cannot know what the server will see.
func readNumber(text string) any {
	if !strings.ContainsAny(text, ".eE") {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n > maxExact || n < -maxExact {
			return types.NewErr("the number %s is not exact in every server", text)
		}
		return n
	}
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return types.NewErr("the number %s is out of range", text)
	}
	return f
}
