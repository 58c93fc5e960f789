package hazards

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// duplicates: the first is what a careless gateway reads, the last what servers run.
func (g *generator) duplicates() {
	spellings := map[string]string{"plain": `"name"`, "first letter escaped": `"\u006eame"`, "last letter escaped": `"nam\u0065"`, "all escaped": `"\u006E\u0061\u006D\u0065"`}
	for _, how := range slices.Sorted(maps.Keys(spellings)) {
		second := spellings[how]
		g.refused("duplicate name, "+how, "all servers take the last", envelope(`"name":"ok",`+second+`:"secret"`))
		g.refused("duplicate name, "+how+", ok last", "a reader of the first runs secret", envelope(`"name":"secret",`+second+`:"ok"`))
	}
	g.refused("duplicate name, three times", "the middle one is neither first nor last", envelope(`"name":"ok","name":"secret","name":"ok"`))
	g.refused("duplicate name, null last", "a reader that skips null runs secret", envelope(`"name":"secret","name":null`))
	g.refused("duplicate name, null first", "a reader of the first sees none", envelope(`"name":null,"name":"secret"`))
	g.refused("duplicate name far apart", "a reader with a window sees one", envelope(`"name":"ok","arguments":{"x":"`+strings.Repeat("x", 5000)+`"},"name":"secret"`))
	g.refused("duplicate params", "all servers take the last", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META"name":"ok"},"params":{META"name":"secret"}}`)
	g.refused("duplicate params, ok last", "a reader of the first runs secret", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META"name":"secret"},"params":{META"name":"ok"}}`)
	g.refused("duplicate params, escaped", "all servers take the last", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META"name":"ok"},"p\u0061rams":{META"name":"secret"}}`)
	g.refused("duplicate params, merged", "a merging reader runs secret with the metadata of ok", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META"name":"ok"},"params":{"name":"secret"}}`)
	g.refused("duplicate params, null last", "a reader that skips null runs secret", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META"name":"secret"},"params":null}`)
	g.refused("duplicate method", "all servers take the last", `{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{META"name":"secret"}}`)
	g.refused("duplicate method, ping last", "a reader of the first runs secret", `{"jsonrpc":"2.0","id":1,"method":"tools/call","method":"ping","params":{META"name":"secret"}}`)
	g.refused("duplicate method, escaped", "all servers take the last", `{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call","params":{META"name":"secret"}}`)
	g.refused("duplicate id", "the answer goes to another request", `{"jsonrpc":"2.0","id":1,"id":2,"method":"tools/call","params":{META"name":"ok"}}`)
	g.refused("duplicate jsonrpc", "a strict and a lax reader differ", `{"jsonrpc":"2.0","jsonrpc":"1.0","id":1,"method":"tools/call","params":{META"name":"ok"}}`)
	g.refused("duplicate arguments", "a condition would see others than the server", envelope(`"name":"ok","arguments":{"x":1},"arguments":{"x":2}`))
	g.refused("duplicate argument", "a condition would see another than the server", envelope(`"name":"ok","arguments":{"x":1,"x":2}`))
	g.refused("duplicate argument, escaped", "a condition would see another than the server", envelope(`"name":"ok","arguments":{"x":1,"\u0078":2}`))
	g.refused("duplicate argument, deep", "a condition would see another than the server", envelope(`"name":"ok","arguments":{"a":[{"b":{"x":1,"x":2}}]}`))
	g.refused("duplicate _meta", "the era would be another", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META"_meta":{},"name":"ok","_meta":{"x":1}}}`)
	g.refused("duplicate member that no server knows", "strictness must not depend on the name", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META"name":"ok","x":1,"x":1}}`)
}

// variants are spellings that some decoder takes for a member name.
func variants(name string) map[string]string {
	v := map[string]string{
		"in upper case":           strings.ToUpper(name),
		"in title case":           strings.ToUpper(name[:1]) + name[1:],
		"with last letter up":     name[:len(name)-1] + strings.ToUpper(name[len(name)-1:]),
		"with NUL behind":         name + `\u0000`,
		"with NUL before":         `\u0000` + name,
		"with NUL inside":         name[:2] + `\u0000` + name[2:],
		"with NUL and more":       name + `\u0000x`,
		"with underscore":         name[:2] + "_" + name[2:],
		"with hyphen":             name[:2] + "-" + name[2:],
		"with leading underscore": "_" + name,
	}
	for ascii, other := range map[string]string{"s": "\u017f", "k": "\u212a"} {
		if strings.Contains(name, ascii) {
			v["with U+"+fmt.Sprintf("%04X", []rune(other)[0])] = strings.Replace(name, ascii, other, 1)
			v["with U+"+fmt.Sprintf("%04X", []rune(other)[0])+" escaped"] = strings.Replace(name, ascii, fmt.Sprintf(`\u%04x`, []rune(other)[0]), 1)
		}
	}
	return v
}

func (g *generator) almostNames() {
	const reason = "readers that fold case, skip NUL or take snake case (encoding/json, old go-sdk, the Python SDK) see another name"
	each := func(name string, body func(variant string) string, how string) {
		v := variants(name)
		for _, kind := range slices.Sorted(maps.Keys(v)) {
			g.refused(fmt.Sprintf("almost %s: %s, %s", name, kind, how), reason, body(v[kind]))
		}
	}
	each("name", func(v string) string { return envelope(`"name":"ok","` + v + `":"secret"`) }, "last")
	each("name", func(v string) string { return envelope(`"` + v + `":"secret","name":"ok"`) }, "first")
	each("name", func(v string) string { return envelope(`"` + v + `":"secret"`) }, "alone")
	each("params", func(v string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META"name":"ok"},"` + v + `":{META"name":"secret"}}`
	}, "last")
	each("params", func(v string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"tools/call","` + v + `":{META"name":"secret"}}`
	}, "alone")
	each("method", func(v string) string {
		return `{"jsonrpc":"2.0","id":1,"method":"ping","` + v + `":"tools/call","params":{META"name":"secret"}}`
	}, "last")
	each("arguments", func(v string) string {
		return envelope(`"name":"ok","arguments":{"x":1},"` + v + `":{"x":2}`)
	}, "last")
	each("action", func(v string) string {
		if strings.HasPrefix(v, "_") {
			v = "__" + v
		}
		return envelope(`"name":"ok","arguments":{"action":"view","` + v + `":"delete"}`)
	}, "as an argument")
}
