package policy

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"github.com/go-json-experiment/json/jsontext"
)

// readArguments turns the raw arguments of a message into what a condition
// sees: a map of strings to CEL values. None are an empty map. The result is a
// CEL error, on which a condition fails that looks at it, if servers could read
// the members otherwise that the condition asks for.
func readArguments(raw jsontext.Value, asked []reading) ref.Val {
	if raw == nil {
		raw = jsontext.Value("{}")
	}
	a := arguments{jsontext.NewDecoder(bytes.NewReader(raw)), asked}
	if a.PeekKind() != '{' {
		return types.NewErr("the arguments are not an object")
	}
	v, err := a.value(0)
	if err != nil {
		return types.NewErr("arguments: %v", err)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// arguments reads them. The decoder refuses duplicate names and bounds the
// depth.
type arguments struct {
	*jsontext.Decoder
	asked []reading
}

// value reads the next JSON value; level counts the objects and lists around it.
func (a *arguments) value(level int) (any, error) {
	token, err := a.ReadToken()
	if err != nil {
		return nil, err
	}
	switch token.Kind() {
	case '{':
		return a.object(level)
	case '[':
		list := []any{}
		for a.PeekKind() != ']' {
			v, err := a.value(level + 1)
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := a.ReadToken()
		return list, err
	case '"':
		return token.String(), nil
	case '0':
		return number(token.String()), nil
	case 't', 'f':
		return token.Bool(), nil
	}
	return nil, nil
}

// object reads members up to the closing brace.
func (a *arguments) object(level int) (any, error) {
	object := map[string]any{}
	for a.PeekKind() != '}' {
		token, err := a.ReadToken()
		if err != nil {
			return nil, err
		}
		name := token.String()
		if meant, ok := misspelled(a.asked, name, level); ok {
			return nil, fmt.Errorf("some servers take the member %q for %q", name, meant)
		}
		if object[name], err = a.value(level + 1); err != nil {
			return nil, err
		}
	}
	_, err := a.ReadToken()
	return object, err
}

// maxExact is the last integer up to which a double is exact.
const maxExact = 1 << 53

// number keeps integers as integers. One that JavaScript would round, and a
// number that no double can hold, is an error value: a condition that looks at
// it fails, because it cannot know what the server will see.
func number(text string) any {
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
