package hazards

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"strings"
	"unicode/utf16"
)

// framing is about where one message begins and ends, and how it is encoded.
func (g *generator) framing() {
	for _, x := range []struct{ name, reason, before, after string }{
		{"byte order mark", "JavaScript and Python strip it, Go refuses it", "\ufeff", ""},
		{"anti-hijacking prefix", "browser frameworks strip it", ")]}',\n", ""},
		{"anti-hijacking loop", "browser frameworks strip it", "for(;;);", ""},
		{"record separator", "RFC 7464 sequences begin with it", "\x1e", "\n"},
		{"leading NUL", "C strips it", "\x00", ""},
		{"vertical tab", "JavaScript's trim strips it, JSON does not know it", "\v", ""},
		{"no-break space", "JavaScript's trim strips it, JSON does not know it", "\u00a0", ""},
		{"comment before", "JSON5 and Jackson take comments", "/* ok */", ""},
		{"comment behind", "JSON5 and Jackson take comments", "", "// ok"},
		{"garbage behind", "go-sdk stops reading behind the first value", "", "garbage"},
		{"brace behind", "go-sdk stops reading behind the first value", "", "}"},
		{"NUL behind", "C stops at it, go-sdk behind the first value", "", "\x00"},
		{"ok behind", "go-sdk runs the first of two, a streaming reader both", "", callOK},
		{"ok on the next line", "readers of JSON lines run both", "", "\n" + callOK},
		{"ok behind a comma", "some readers take a list without brackets", "", "," + callOK},
		{"ok behind NUL", "C takes the first, Go reports the second", "", "\x00" + callOK},
		{"ok behind a record separator", "readers of RFC 7464 run both", "", "\n\x1e" + callOK},
		{"ok before", "a reader of the last value runs secret", callOK, ""},
		{"ok on the line before", "readers of JSON lines run both", callOK + "\n", ""},
		{"ok and a comma before", "some readers take a list without brackets", callOK + ",", ""},
		{"ok and NUL before", "C takes the first only", callOK + "\x00", ""},
		{"empty object before", "a reader of the last value runs secret", "{}", ""},
		{"null before", "a reader of the last value runs secret", "null", ""},
		{"batch of one", "legacy servers run batches", "[", "]"},
		{"batch, ok first", "legacy servers run both", "[" + callOK + ",", "]"},
		{"batch, ok last", "legacy servers run both", "[", "," + callOK + "]"},
		{"batch with white space", "legacy servers run batches", " \n[ ", " ]"},
		{"batch in a batch", "a flattening reader runs it", "[[", "]]"},
		{"batch in an object", "a careless reader looks for messages", `{"batch":[`, `]}`},
		{"message in a message", "a careless reader looks for messages", `{"message":`, `}`},
		{"length before", "readers of the stdio framing of LSP strip it", "Content-Length: 1\r\n\r\n", ""},
		{"event", "a reader of events strips it", "data: ", "\n\n"},
	} {
		g.refused("framing: "+x.name, x.reason, x.before+callSecret+x.after)
	}
	for _, x := range []struct{ name, reason, body string }{
		{"message in a string", "a reader that decodes twice", `"` + strings.ReplaceAll(strings.ReplaceAll(callSecret, "META", ""), `"`, `\"`) + `"`},
		{"cut off", "a repairing reader closes it", strings.TrimSuffix(callSecret, "}")},
		{"cut off in params", "a repairing reader closes it", strings.TrimSuffix(callSecret, "}}}")},
		{"trailing comma", "JSON5 takes it", strings.Replace(callSecret, "}}}", "},}}", 1)},
		{"single quotes", "JSON5 and PyYAML take them", strings.ReplaceAll(callSecret, `"`, `'`)},
		{"bare keys", "JSON5 takes them", strings.Replace(callSecret, `"method"`, `method`, 1)},
		{"comment in params", "Jackson takes it; a reader of lines sees ok", strings.Replace(callSecret, `"name":"secret"`, `/*"name":"ok",*/"name":"secret"`, 1)},
		{"NaN", "Python takes it", strings.Replace(callSecret, `"arguments":{}`, `"arguments":{"x":NaN}`, 1)},
		{"Infinity", "Python takes it", strings.Replace(callSecret, `"arguments":{}`, `"arguments":{"x":-Infinity}`, 1)},
		{"line feed in a string", "lenient readers take it", strings.Replace(callSecret, `"arguments":{}`, "\"arguments\":{\"x\":\"a\nb\"}", 1)},
		{"bad escape", "lenient readers drop the backslash", strings.Replace(callSecret, `"secret"`, `"\secret"`, 1)},
		{"hexadecimal escape", "JSON5 takes it", strings.Replace(callSecret, `"secret"`, `"\x73ecret"`, 1)},
		{"plus sign", "JSON5 takes it", strings.Replace(callSecret, `"id":1`, `"id":+1`, 1)},
		{"leading zero", "old readers take it, as octal or not", strings.Replace(callSecret, `"id":1`, `"id":01`, 1)},
		{"missing comma", "a repairing reader puts it", strings.Replace(callSecret, `1,"method"`, `1 "method"`, 1)},
		{"semicolon", "a repairing reader takes it for a comma", strings.Replace(callSecret, `1,"method"`, `1;"method"`, 1)},
		{"YAML", "YAML readers take it", "jsonrpc: '2.0'\nid: 1\nmethod: tools/call\nparams: {name: secret}\n"},
		{"XML-RPC", "no reader of MCP takes it", "<methodCall><methodName>secret</methodName></methodCall>"},
		{"empty", "nothing is no message", ""},
		{"white space", "nothing is no message", " \n"},
	} {
		g.refused("syntax: "+x.name, x.reason, x.body)
	}
	g.encodings()
}

func (g *generator) encodings() {
	legacy := strings.ReplaceAll(callSecret, "META", "")
	inUTF16 := func(order binary.AppendByteOrder, mark bool) string {
		var b []byte
		if mark {
			b = order.AppendUint16(b, 0xfeff)
		}
		for _, u := range utf16.Encode([]rune(legacy)) {
			b = order.AppendUint16(b, u)
		}
		return string(b)
	}
	inUTF32 := func(order binary.AppendByteOrder) string {
		var b []byte
		for _, r := range legacy {
			b = order.AppendUint32(b, uint32(r))
		}
		return string(b)
	}
	utf7 := strings.ReplaceAll(legacy, `"`, "+ACI-")
	for _, x := range []struct{ name, charset, body string }{
		{"UTF-16LE", "utf-16le", inUTF16(binary.LittleEndian, false)},
		{"UTF-16BE", "utf-16be", inUTF16(binary.BigEndian, false)},
		{"UTF-16LE with mark", "utf-16", inUTF16(binary.LittleEndian, true)},
		{"UTF-16BE with mark", "utf-16", inUTF16(binary.BigEndian, true)},
		{"UTF-32LE", "utf-32le", inUTF32(binary.LittleEndian)},
		{"UTF-32BE", "utf-32be", inUTF32(binary.BigEndian)},
		{"UTF-7", "utf-7", utf7},
	} {
		g.add(Refused, "legacy", "encoding: "+x.name, "Python detects the encoding", x.body, jsonType, accept)
		g.add(Refused, "legacy", "encoding: "+x.name+" said so", "express converts by charset", x.body, [2]string{"Content-Type", "application/json; charset=" + x.charset}, accept)
	}
	var zipped, deflated bytes.Buffer
	gz := gzip.NewWriter(&zipped)
	gz.Write([]byte(legacy))
	gz.Close()
	zl := zlib.NewWriter(&deflated)
	zl.Write([]byte(legacy))
	zl.Close()
	for _, encoding := range []string{"gzip", "GZIP", "x-gzip", "identity, gzip", "gzip, identity"} {
		g.add(Refused, "legacy", "encoding: "+encoding, "express inflates", zipped.String(), jsonType, accept, [2]string{"Content-Encoding", encoding})
	}
	g.add(Refused, "legacy", "encoding: gzip not said so", "a reader that knows the magic number inflates", zipped.String(), jsonType, accept)
	g.add(Refused, "legacy", "encoding: gzip in the second line", "a reader of the last line inflates", zipped.String(), jsonType, accept, [2]string{"Content-Encoding", "identity"}, [2]string{"Content-Encoding", "gzip"})
	g.add(Refused, "legacy", "encoding: deflate", "express inflates", deflated.String(), jsonType, accept, [2]string{"Content-Encoding", "deflate"})
	g.add(Refused, "legacy", "encoding: br over plain text", "a reader that ignores it runs secret", legacy, jsonType, accept, [2]string{"Content-Encoding", "br"})
	for _, x := range []struct{ name, reason, text string }{
		{"invalid byte", "Go reads U+FFFD, others refuse", "sec\xffret"},
		{"invalid byte in ok", "a reader that drops it finds ok", "o\xffk"},
		{"overlong slash", "old readers take it for a slash", "secret\xc0\xaf"},
		{"overlong NUL", "Java writes NUL so", "ok\xc0\x80secret"},
		{"encoded surrogate", "Java and CESU-8 take it", "secret\xed\xa0\x80"},
		{"cut-off character", "a reader that drops it finds ok", "ok\xe2\x82"},
		{"Latin-1", "a reader of Latin-1 takes it", "secret\xe9"},
		{"lone high surrogate", "Go reads U+FFFD, JavaScript keeps it", `secret\ud800`},
		{"lone low surrogate", "Go reads U+FFFD, JavaScript keeps it", `secret\udc00`},
		{"surrogates in the wrong order", "Go reads U+FFFD twice", `ok\udc00\ud800`},
	} {
		g.refused("unicode: "+x.name, x.reason, envelope(`"name":"`+x.text+`"`))
	}
	g.refused("unicode: invalid byte in a name", "a reader that drops it sees two names", envelope("\"name\":\"ok\",\"na\xffme\":\"secret\""))
	g.refused("unicode: lone surrogate in a name", "a reader that drops it sees two names", envelope(`"name":"ok","name\ud800":"secret"`))
}
