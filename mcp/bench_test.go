package mcp

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// callOf is a tool call of about size bytes, in one long argument and many short ones.
func callOf(size int) []byte {
	var b strings.Builder
	b.WriteString(`{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ok","arguments":{"text":"`)
	b.WriteString(strings.Repeat("a sentence of text \\n ", size/2/21))
	b.WriteString(`","rows":[`)
	for i := 0; b.Len() < size-40; i++ {
		fmt.Fprintf(&b, `{"id":%d,"title":"row","done":false},`, i)
	}
	b.WriteString(`{}]}}}`)
	return []byte(b.String())
}

func BenchmarkRead(b *testing.B) {
	for _, size := range []int{1 << 10, 64 << 10, 4 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			body, h := callOf(size), http.Header{}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, refusal := Read(h, body); refusal != nil {
					b.Fatal(refusal)
				}
			}
		})
	}
}

func listOf(n int) []byte {
	var b strings.Builder
	b.WriteString(`{"jsonrpc":"2.0","id":1,"result":{"tools":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"name":"tool_%d","description":"does something with things","inputSchema":{"type":"object","properties":{"id":{"type":"integer"},"fields":{"type":"object"}}}}`, i)
	}
	b.WriteString(`]}}`)
	return []byte(b.String())
}

func even(_ List, name string) bool { return (name[len(name)-1]-'0')%2 == 0 }

func BenchmarkFilterMessage(b *testing.B) {
	for _, n := range []int{10, 1000} {
		b.Run(fmt.Sprint(n, " tools"), func(b *testing.B) {
			src := listOf(n)
			dst := make([]byte, 0, len(src))
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := FilterMessage(dst, src, even); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkEventFilter(b *testing.B) {
	for name, event := range map[string]string{
		"progress": "event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{\"progressToken\":1,\"progress\":5}}\n\n",
		"10 tools": "event: message\ndata: " + string(listOf(10)) + "\n\n",
		"ping":     ": ping\n\n",
	} {
		b.Run(name, func(b *testing.B) {
			f := NewEventFilter(io.Discard, nil, even, 1<<20)
			b.SetBytes(int64(len(event)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.Write([]byte(event)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
