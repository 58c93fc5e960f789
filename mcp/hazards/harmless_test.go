package hazards

import (
	"fmt"
	"slices"
	"strings"
)

// harmless are spellings that real servers take: refusing them would be a bug.
func (g *generator) harmless() {
	for _, x := range []struct{ name, body string }{
		{"plain", callOK},
		{"no arguments", envelope(`"name":"ok"`)},
		{"some arguments", envelope(`"name":"ok","arguments":{"x":1,"y":[true,null,"z"],"q":{"r":-1.5e3}}`)},
		{"arguments first", envelope(`"arguments":{"name":"secret"},"name":"ok"`)},
		{"params first", `{"params":{META"name":"ok","arguments":{}},"method":"tools/call","id":1,"jsonrpc":"2.0"}`},
		{"white space", " \t\r\n{ \"jsonrpc\" : \"2.0\" ,\n\t\"id\" : 1 , \"method\" : \"tools/call\" , \"params\" : { META \"name\" : \"ok\" , \"arguments\" : { } } }\r\n "},
		{"escaped member names", `{"jsonrp\u0063":"2.0","\u0069d":1,"m\u0065thod":"tools/call","p\u0061rams":{META"n\u0061me":"ok","\u0061rguments":{}}}`},
		{"escaped name", envelope(`"name":"\u006f\u006B"`)},
		{"escaped method", `{"jsonrpc":"2.0","id":1,"method":"tools\/c\u0061ll","params":{META"name":"ok"}}`},
		{"escaped version", `{"jsonrpc":"\u0032.0","id":1,"method":"tools/call","params":{META"name":"ok"}}`},
		{"id zero", `{"jsonrpc":"2.0","id":0,"method":"tools/call","params":{META"name":"ok"}}`},
		{"id negative", `{"jsonrpc":"2.0","id":-5,"method":"tools/call","params":{META"name":"ok"}}`},
		{"id large", `{"jsonrpc":"2.0","id":9007199254740991,"method":"tools/call","params":{META"name":"ok"}}`},
		{"id string", `{"jsonrpc":"2.0","id":"b1c2","method":"tools/call","params":{META"name":"ok"}}`},
		{"id of odd characters", `{"jsonrpc":"2.0","id":"\u00e4 \"\\ \ud83d\ude00","method":"tools/call","params":{META"name":"ok"}}`},
		{"secret as a value", envelope(`"name":"ok","arguments":{"text":"secret","name":"secret","method":"tools/call"}`)},
		{"messages as arguments", envelope(`"name":"ok","arguments":{"params":{"name":"secret"},"batch":[{"method":"tools/call"}]}`)},
		{"a message in a string", envelope(`"name":"ok","arguments":{"text":"{\"method\":\"tools/call\",\"params\":{\"name\":\"secret\"}}"}`)},
		{"many characters", envelope(`"name":"ok","arguments":{"text":"ä漢😀\u0001\u2028\ufffd\ud83d\ude00"}`)},
		{"braces in a string", envelope(`"name":"ok","arguments":{"text":"}]{[\\\"\\\\\""}`)},
		{"deep arguments", envelope(`"name":"ok","arguments":{"a":` + strings.Repeat("[", 60) + strings.Repeat("]", 60) + `}`)},
		{"deep names that differ in case", envelope(`"name":"ok","arguments":{"map":{"Ab":1,"aB":2}}`)},
		{"greatest integers", envelope(`"name":"ok","arguments":{"a":9007199254740991,"b":-9007199254740991}`)},
		{"numbers of all forms", envelope(`"name":"ok","arguments":{"a":[0,-0,1.0,1e2,1E+2,1e-400,0.1,1.7976931348623157e308]}`)},
		{"unknown members of params", envelope(`"name":"ok","x-trace":{"a":1}`)},
		{"long argument", envelope(`"name":"ok","arguments":{"text":"` + strings.Repeat("text ", 2000) + `"}`)},
		{"many arguments", envelope(`"name":"ok","arguments":{` + manyArguments(300) + `}`)},
	} {
		g.tell(Harmless, "harmless: "+x.name, "a spelling that servers take", x.body)
	}
	legacy, modern := strings.ReplaceAll(callOK, "META", ""), strings.ReplaceAll(callOK, "META", meta)
	for _, x := range []struct {
		name    string
		headers [][2]string
	}{
		{"odd case of the type", [][2]string{{"Content-Type", "Application/JSON"}}},
		{"charset", [][2]string{{"Content-Type", "application/json; charset=utf-8"}}},
		{"charset in quotes and upper case", [][2]string{{"Content-Type", `application/json;charset="UTF-8"`}}},
		{"lower-case header name", [][2]string{{"content-type", "application/json"}}},
		{"legacy version", [][2]string{jsonType, {"MCP-Protocol-Version", "2025-06-18"}}},
		{"mirrored method", [][2]string{jsonType, toolCall}},
		{"mirrored method and name", [][2]string{jsonType, toolCall, nameOK}},
		{"mirrored name, encoded", [][2]string{jsonType, {"Mcp-Name", encoded("ok")}}},
	} {
		g.add(Harmless, "legacy", "harmless header: "+x.name, "a spelling that servers take", legacy, append(slices.Clone(x.headers), accept)...)
	}
	for _, x := range []struct {
		name    string
		headers [][2]string
	}{
		{"lower-case header names", [][2]string{{"content-type", "application/json"}, {"mcp-protocol-version", "2026-07-28"}, {"mcp-method", "tools/call"}, {"mcp-name", "ok"}}},
		{"upper-case header names", [][2]string{jsonType, {"MCP-PROTOCOL-VERSION", "2026-07-28"}, {"MCP-METHOD", "tools/call"}, {"MCP-NAME", "ok"}}},
		{"white space around values", [][2]string{jsonType, version, {"Mcp-Method", " tools/call "}, {"Mcp-Name", "  ok\t"}}},
		{"charset", [][2]string{{"Content-Type", "application/json; charset=utf-8"}, version, toolCall, nameOK}},
		{"unknown Mcp-Param", [][2]string{jsonType, version, toolCall, nameOK, {"Mcp-Param-Region", "eu"}}},
	} {
		g.add(Harmless, "modern", "harmless header: "+x.name, "a spelling that servers take", modern, append(slices.Clone(x.headers), accept)...)
	}
}

func manyArguments(n int) string {
	members := make([]string, n)
	for i := range members {
		members[i] = fmt.Sprintf(`"k%d":%d`, i, i)
	}
	return strings.Join(members, ",")
}
