package hazards

import (
	"fmt"
	"strings"
)

func (g *generator) values() {
	for _, x := range []struct{ name, reason, value string }{
		{"escaped", "all servers unescape", `"s\u0065cret"`},
		{"all escaped", "all servers unescape", `"\u0073\u0065\u0063\u0072\u0065\u0074"`},
		{"in a list", "lax languages take one for the other", `["secret"]`},
		{"in a list behind ok", "a reader of the first finds ok", `["ok","secret"]`},
		{"in an object", "lax languages take one for the other", `{"name":"secret"}`},
		{"with toString", "JavaScript calls it", `{"toString":"secret"}`},
		{"a number", "a name is a string", `1`},
		{"true", "a name is a string", `true`},
		{"null", "a name is a string", `null`},
		{"empty", "a server may have a default", `""`},
		{"NUL behind", "C stops at it", `"secret\u0000"`},
		{"NUL and ok behind", "C stops at it", `"secret\u0000ok"`},
		{"ok, NUL and secret", "a reader that skips NUL", `"ok\u0000secret"`},
		{"blank behind", "a trimming server runs secret", `"secret "`},
		{"blank before", "a trimming server runs secret", `" secret"`},
		{"tab behind", "a trimming server runs secret", `"secret\t"`},
		{"line feed and ok", "a reader of lines finds ok", `"ok\nsecret"`},
		{"backspaces", "a terminal shows ok", `"secret\b\b\b\b\b\bok"`},
		{"DEL", "a terminal drops it", `"secret\u007f"`},
		{"upper case", "a folding server runs secret", `"SECRET"`},
		{"long s", "a folding server runs secret", `"\u017fecret"`},
		{"full width", "a server that normalises to NFKC runs secret", `"\uff53\uff45\uff43\uff52\uff45\uff54"`},
		{"zero-width space", "a server that drops it runs secret", `"sec\u200bret"`},
		{"soft hyphen", "a server that drops it runs secret", `"sec\u00adret"`},
		{"right-to-left override", "a person reads it backwards", `"\u202eterces"`},
		{"byte order mark", "a server that drops it runs secret", `"\ufeffsecret"`},
		{"percent-encoded", "a server that decodes runs secret", `"%73ecret"`},
		{"HTML entity", "a server that decodes runs secret", `"&#115;ecret"`},
		{"encoded as in a header", "a server that decodes the body too", `"=?base64?c2VjcmV0?="`},
		{"prefix of a server", "a gateway behind strips it", `"server/secret"`},
		{"dotted", "a gateway behind strips it", `"ok.secret"`},
		{"path", "a server that cleans paths runs secret", `"ok/../secret"`},
		{"glob", "a gateway that takes it for a pattern", `"*"`},
		{"list in a string", "a splitting server runs both", `"ok,secret"`},
		{"prototype", "JavaScript looks it up in the prototype", `"__proto__"`},
		{"constructor", "JavaScript looks it up in the prototype", `"constructor"`},
	} {
		g.refused("name: "+x.name, x.reason, envelope(`"name":`+x.value))
	}
	g.refused("prototype pollution", "a merging JavaScript server takes the name from it", envelope(`"__proto__":{"name":"secret"},"constructor":{"prototype":{"name":"secret"}},"name":"secret"`))
	for _, x := range []struct{ name, reason, value string }{
		{"integer beyond 2^53", "JavaScript rounds it: a condition would see another", `9007199254740993`},
		{"integer beyond 2^64", "Go refuses or rounds it", `18446744073709551617`},
		{"negative integer beyond 2^53", "JavaScript rounds it", `-9007199254740993`},
		{"float beyond float64", "Infinity, an error or a big number", `1e400`},
		{"negative float beyond float64", "Infinity, an error or a big number", `-1e400`},
	} {
		g.refused("argument: "+x.name, x.reason, envelope(`"name":"ok","arguments":{"n":`+x.value+`}`))
		g.refused("argument: "+x.name+", deep", x.reason, envelope(`"name":"ok","arguments":{"a":[{"n":`+x.value+`}]}`))
	}
	for _, x := range []struct{ name, value string }{{"a list", `["x"]`}, {"a string", `"{}"`}, {"a number", `1`}, {"false", `false`}} {
		g.refused("arguments are "+x.name, "conditions read an object; a lax server makes one of it", envelope(`"name":"ok","arguments":`+x.value))
	}
	for _, depth := range []int{130, 1100, 11000} {
		g.refused(fmt.Sprint("depth ", depth), "readers give up at different depths", envelope(`"name":"ok","arguments":{"a":`+strings.Repeat("[", depth)+strings.Repeat("]", depth)+`}`))
	}
}

func (g *generator) envelopes() {
	with := func(members string) string { return `{` + members + `"params":{META"name":"secret"}}` }
	for _, x := range []struct{ name, reason, body string }{
		{"id null", "go-sdk answers it, others take it for a notification", with(`"jsonrpc":"2.0","id":null,"method":"tools/call",`)},
		{"id fraction", "go-sdk runs it, others refuse", with(`"jsonrpc":"2.0","id":1.5,"method":"tools/call",`)},
		{"id exponent", "comes back in another spelling", with(`"jsonrpc":"2.0","id":1e3,"method":"tools/call",`)},
		{"id beyond 2^53", "comes back as another number", with(`"jsonrpc":"2.0","id":9007199254740993,"method":"tools/call",`)},
		{"id -0", "comes back as 0", with(`"jsonrpc":"2.0","id":-0,"method":"tools/call",`)},
		{"id true", "a string or an integer", with(`"jsonrpc":"2.0","id":true,"method":"tools/call",`)},
		{"id list", "a string or an integer", with(`"jsonrpc":"2.0","id":[1],"method":"tools/call",`)},
		{"id object", "a string or an integer", with(`"jsonrpc":"2.0","id":{},"method":"tools/call",`)},
		{"id missing", "django-admin-mcp runs it, others take it for a notification: denied either way", with(`"jsonrpc":"2.0","method":"tools/call",`)},
		{"jsonrpc missing", "Python 1.x and django-admin-mcp run it: denied either way", with(`"id":1,"method":"tools/call",`)},
		{"jsonrpc 1.0", "lax servers run it", with(`"jsonrpc":"1.0","id":1,"method":"tools/call",`)},
		{"jsonrpc number", "lax servers run it", with(`"jsonrpc":2.0,"id":1,"method":"tools/call",`)},
		{"jsonrpc null", "lax servers run it", with(`"jsonrpc":null,"id":1,"method":"tools/call",`)},
		{"jsonrpc with blank", "lax servers run it", with(`"jsonrpc":"2.0 ","id":1,"method":"tools/call",`)},
		{"method and result", "go-sdk runs it, others take it for an answer", with(`"jsonrpc":"2.0","id":1,"method":"tools/call","result":{},`)},
		{"method and null result", "go-sdk runs it, others take it for an answer", with(`"jsonrpc":"2.0","id":1,"method":"tools/call","result":null,`)},
		{"method and error", "go-sdk runs it, others take it for an answer", with(`"jsonrpc":"2.0","id":1,"method":"tools/call","error":{"code":1,"message":""},`)},
		{"answer with params", "a reader that goes by params runs it", with(`"jsonrpc":"2.0","id":1,"result":{},`)},
		{"no method", "a reader that goes by params runs it", with(`"jsonrpc":"2.0","id":1,`)},
		{"result and error", "readers differ in which counts", `{"jsonrpc":"2.0","id":1,"result":{"tools":[]},"error":{"code":1,"message":""}}`},
		{"params list", "JSON-RPC allows it, MCP does not", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":["secret",{}]}`},
		{"params list of objects", "a lax server takes the first", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":[{META"name":"secret"}]}`},
		{"params string", "a server that decodes twice", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":"{\"name\":\"secret\"}"}`},
		{"params null", "there is no name", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":null}`},
		{"params missing", "there is no name", `{"jsonrpc":"2.0","id":1,"method":"tools/call"}`},
		{"name outside params", "a server of the flat form takes it", `{"jsonrpc":"2.0","id":1,"method":"tools/call","name":"secret","params":{META"name":"ok"}}`},
		{"arguments outside params", "a server of the flat form takes them", `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META"name":"ok"},"arguments":{"x":1}}`},
	} {
		g.refused("envelope: "+x.name, x.reason, x.body)
	}
}

func (g *generator) methods() {
	for _, x := range []struct{ name, reason, method string }{
		{"upper case", "a folding server runs it", `TOOLS/CALL`},
		{"title case", "a folding server runs it", `Tools/Call`},
		{"blank behind", "a trimming server runs it", `tools/call `},
		{"blank before", "a trimming server runs it", ` tools/call`},
		{"tab", "a trimming server runs it", `tools/call\t`},
		{"NUL behind", "C stops at it", `tools/call\u0000`},
		{"NUL and ping", "C stops at it", `tools/call\u0000ping`},
		{"long s", "a folding server runs it", `tool\u017f/call`},
		{"escaped", "all servers unescape", `tools\u002fcall`},
		{"escaped slash", "all servers unescape", `tools\/call`},
		{"two slashes", "a server that cleans paths runs it", `tools//call`},
		{"slash behind", "a server that cleans paths runs it", `tools/call/`},
		{"slash before", "a server that cleans paths runs it", `/tools/call`},
		{"dots", "a server that cleans paths runs it", `ping/../tools/call`},
		{"dotted", "an alias", `tools.call`},
		{"camel case", "an alias", `callTool`},
		{"hyphen", "an alias", `tools-call`},
		{"query", "a server that parses it", `tools/call?x`},
		{"full width solidus", "a server that normalises to NFKC runs it", `tools\uff0fcall`},
		{"empty", "a server may have a default", ``},
		{"unknown", "what a gateway does not know it does not allow", `tools/execute`},
		{"unknown notification with an id", "a server may run it", `notifications/tools/call`},
	} {
		g.refused("method: "+x.name, x.reason, `{"jsonrpc":"2.0","id":1,"method":"`+x.method+`","params":{META"name":"secret"}}`)
	}
	for _, x := range []struct{ name, value string }{{"a number", `1`}, {"null", `null`}, {"a list", `["tools/call"]`}, {"an object", `{"name":"tools/call"}`}} {
		g.refused("method: "+x.name, "a lax server makes a string of it", `{"jsonrpc":"2.0","id":1,"method":`+x.value+`,"params":{META"name":"secret"}}`)
	}
}
