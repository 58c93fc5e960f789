package hazards

import (
	"encoding/base64"
	"strings"
)

func encoded(name string) string {
	return "=?base64?" + base64.StdEncoding.EncodeToString([]byte(name)) + "?="
}

// mirroredHeaders: the body decides, and a header that differs from it is refused.
func (g *generator) mirroredHeaders() {
	legacy, modernSecret := strings.ReplaceAll(callSecret, "META", ""), strings.ReplaceAll(callSecret, "META", meta)
	modernOK := strings.ReplaceAll(callOK, "META", meta)
	h := func(name, value string) [2]string { return [2]string{name, value} }
	for _, x := range []struct {
		name, reason string
		headers      [][2]string
	}{
		{"Mcp-Name says ok", "legacy servers ignore it", [][2]string{nameOK}},
		{"Mcp-Name says ok, encoded", "legacy servers ignore it", [][2]string{h("Mcp-Name", encoded("ok"))}},
		{"Mcp-Method says ping", "legacy servers ignore it", [][2]string{h("Mcp-Method", "ping")}},
		{"Mcp-Method says tools/list", "legacy servers ignore it", [][2]string{h("Mcp-Method", "tools/list")}},
		{"all headers say ok", "legacy servers ignore them", [][2]string{h("MCP-Protocol-Version", "2025-11-25"), toolCall, nameOK}},
		{"a modern version over a legacy body", "a legacy server ignores the version", [][2]string{version, toolCall, nameOK}},
		{"two versions", "readers differ in which counts", [][2]string{version, h("MCP-Protocol-Version", "2025-11-25"), toolCall, nameOK}},
		{"X-HTTP-Method-Override", "frameworks take it for the method", [][2]string{h("X-HTTP-Method-Override", "GET")}},
		{"Mcp-Param", "is the server's to check, and no name", [][2]string{h("Mcp-Param-Name", "ok")}},
	} {
		g.add(Refused, "legacy", "header: "+x.name, x.reason, legacy, append([][2]string{jsonType, accept}, x.headers...)...)
	}
	for _, x := range []struct {
		name, reason, body string
		headers            [][2]string
	}{
		{"Mcp-Name says ok", "the body is what runs", modernSecret, [][2]string{version, toolCall, nameOK}},
		{"Mcp-Name says ok, encoded", "the body is what runs", modernSecret, [][2]string{version, toolCall, h("Mcp-Name", encoded("ok"))}},
		{"Mcp-Name says secret", "headers and body agree, and it is denied", modernSecret, [][2]string{version, toolCall, h("Mcp-Name", "secret")}},
		{"Mcp-Name says secret, encoded", "headers and body agree, and it is denied", modernSecret, [][2]string{version, toolCall, h("Mcp-Name", encoded("secret"))}},
		{"Mcp-Name secret and ok", "go-sdk takes the first of two lines", modernSecret, [][2]string{version, toolCall, h("Mcp-Name", "secret"), nameOK}},
		{"Mcp-Name ok and secret", "others take the last of two lines", modernSecret, [][2]string{version, toolCall, nameOK, h("Mcp-Name", "secret")}},
		{"Mcp-Name twice the same", "one is enough", modernOK, [][2]string{version, toolCall, nameOK, nameOK}},
		{"Mcp-Name with a comma", "joined lines", modernOK, [][2]string{version, toolCall, h("Mcp-Name", "ok, ok")}},
		{"Mcp-Name in upper case", "names are compared byte by byte", modernOK, [][2]string{version, toolCall, h("Mcp-Name", "OK")}},
		{"Mcp-Name empty", "says nothing", modernOK, [][2]string{version, toolCall, h("Mcp-Name", "")}},
		{"Mcp-Name missing", "is required", modernOK, [][2]string{version, toolCall}},
		{"Mcp-Name in bad base64", "cannot be decoded", modernOK, [][2]string{version, toolCall, h("Mcp-Name", "=?base64?b2s?=")}},
		{"Mcp-Name in base64 with idle bits", "decoders differ", modernOK, [][2]string{version, toolCall, h("Mcp-Name", "=?base64?b2t=?=")}},
		{"Mcp-Name in base64 with a line end", "decoders differ", modernOK, [][2]string{version, toolCall, h("Mcp-Name", "=?base64?b2 s=?=")}},
		{"Mcp-Name in base64 of upper-case prefix", "is literal", modernOK, [][2]string{version, toolCall, h("Mcp-Name", "=?BASE64?b2s=?=")}},
		{"Mcp-Name in base64 of other text", "the body is what runs", modernOK, [][2]string{version, toolCall, h("Mcp-Name", encoded("secret"))}},
		{"Mcp-Method says ping", "the body is what runs", modernSecret, [][2]string{version, h("Mcp-Method", "ping"), nameOK}},
		{"Mcp-Method says tools/list", "the body is what runs", modernSecret, [][2]string{version, h("Mcp-Method", "tools/list")}},
		{"Mcp-Method in upper case", "values are case-sensitive", modernOK, [][2]string{version, h("Mcp-Method", "TOOLS/CALL"), nameOK}},
		{"Mcp-Method missing", "is required", modernOK, [][2]string{version, nameOK}},
		{"Mcp-Method twice", "readers differ in which counts", modernOK, [][2]string{version, toolCall, toolCall, nameOK}},
		{"Mcp-Method ping and tools/call", "readers differ in which counts", modernSecret, [][2]string{version, h("Mcp-Method", "ping"), toolCall, nameOK}},
		{"version missing", "a server that goes by the header takes it for legacy", modernSecret, [][2]string{toolCall, nameOK}},
		{"version legacy", "a server that goes by the header takes it for legacy", modernSecret, [][2]string{h("MCP-Protocol-Version", "2025-11-25"), toolCall, nameOK}},
		{"version of another year", "header and body must agree", modernOK, [][2]string{h("MCP-Protocol-Version", "2027-01-01"), toolCall, nameOK}},
		{"version twice", "readers differ in which counts", modernOK, [][2]string{version, version, toolCall, nameOK}},
		{"version of no form", "header and body must agree", modernOK, [][2]string{h("MCP-Protocol-Version", "latest"), toolCall, nameOK}},
		{"two sessions", "readers differ in which counts", modernOK, [][2]string{version, toolCall, nameOK, h("Mcp-Session-Id", "a"), h("Mcp-Session-Id", "b")}},
		{"answer", "a modern client sends none", `{"jsonrpc":"2.0","id":1,"result":{}}`, [][2]string{version}},
	} {
		g.add(Refused, "modern", "header: "+x.name, x.reason, x.body, append([][2]string{jsonType, accept}, x.headers...)...)
	}
	almost := strings.Replace(modernOK, "io.modelcontextprotocol/protocolVersion", "io.modelcontextprotocol/ProtocolVersion", 1)
	g.add(Refused, "modern", "header: version almost in _meta", "a folding server reads another version", almost, jsonType, accept, version, toolCall, nameOK)
	snake := strings.Replace(modernOK, `"_meta"`, `"meta"`, 1)
	g.add(Refused, "modern", "header: meta instead of _meta", "the Python SDK takes it for _meta", snake, jsonType, accept, version, toolCall, nameOK)
}

func (g *generator) contentHeaders() {
	legacy := strings.ReplaceAll(callSecret, "META", "")
	ok := strings.ReplaceAll(callOK, "META", "")
	for _, x := range []struct{ name, reason, value string }{
		{"text", "lax servers read any type", "text/plain"},
		{"form", "frameworks read it as a form", "application/x-www-form-urlencoded"},
		{"multipart", "frameworks read it as a form", "multipart/form-data; boundary=x"},
		{"first of a list", "Starlette takes the first", "application/json, text/plain"},
		{"last of a list", "some take the last", "text/plain, application/json"},
		{"longer", "the Python SDK looks at the beginning", "application/jsonx"},
		{"suffix", "express takes +json if told", "application/mcp+json"},
		{"JSON lines", "is not one message", "application/x-ndjson"},
		{"JSON sequence", "is not one message", "application/json-seq"},
		{"semicolon only", "parsers differ", "; charset=utf-8"},
		{"empty", "lax servers guess", ""},
		{"UTF-16", "express converts", "application/json; charset=utf-16"},
		{"UTF-7", "converters know it", "application/json; charset=utf-7"},
		{"Latin-1", "converters know it", "application/json; charset=iso-8859-1"},
		{"two charsets", "parsers differ in which counts", "application/json; charset=utf-8; charset=utf-16"},
		{"extended charset", "RFC 2231 parsers differ", "application/json; charset*=us-ascii''utf-16"},
		{"charset in quotes", "careless parsers look inside", `application/json; x="; charset=utf-16"`},
		{"broken parameter", "parsers differ", "application/json; charset"},
	} {
		g.add(Refused, "legacy", "type: "+x.name, x.reason, legacy, [2]string{"Content-Type", x.value}, accept)
		g.add(Refused, "legacy", "type: "+x.name+", calling ok", x.reason, ok, [2]string{"Content-Type", x.value}, accept)
	}
	g.add(Refused, "legacy", "type: none", "lax servers guess", legacy, accept)
	g.add(Refused, "legacy", "type: two lines", "readers differ in which counts", legacy, jsonType, [2]string{"Content-Type", "text/plain"}, accept)
	g.add(Refused, "legacy", "type: twice the same", "one is enough", legacy, jsonType, jsonType, accept)
}
