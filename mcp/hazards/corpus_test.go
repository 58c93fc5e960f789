package hazards

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write hazards.json")

// TestTheFileIsWhatTheGeneratorWrites keeps hazards.json and the generator below
// together: the file is for readers and replayers, the generator for additions.
func TestTheFileIsWhatTheGeneratorWrites(t *testing.T) {
	var g generator
	g.all()
	names := map[string]bool{}
	files := make([]file, len(g.list))
	for i, h := range g.list {
		if names[h.Name] {
			t.Errorf("the name %q is taken", h.Name)
		}
		names[h.Name] = true
		files[i] = file{Hazard: h}
		if utf8.Valid(h.Body) {
			text := string(h.Body)
			files[i].Text = &text
		} else {
			files[i].Base64 = h.Body
		}
	}
	var want bytes.Buffer
	encoder := json.NewEncoder(&want)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "\t")
	if err := encoder.Encode(files); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("hazards.json", want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !bytes.Equal(data, want.Bytes()) {
		t.Error("hazards.json is out of date: run go test -run Generator -update ./mcp/hazards")
	}
}

type generator struct{ list []Hazard }

const meta = `"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}},`

var (
	jsonType = [2]string{"Content-Type", "application/json"}
	accept   = [2]string{"Accept", "application/json, text/event-stream"}
	version  = [2]string{"MCP-Protocol-Version", "2026-07-28"}
	toolCall = [2]string{"Mcp-Method", "tools/call"}
	nameOK   = [2]string{"Mcp-Name", "ok"}
)

func (g *generator) add(e Expect, era, name, reason, body string, headers ...[2]string) {
	g.list = append(g.list, Hazard{Name: era + "/" + name, Reason: reason, Era: era, Headers: headers, Body: []byte(body), Expect: e})
}

// tell adds a body to both eras. In it, META stands for the metadata that
// modern params begin with. The modern header claims that "ok" is called, so
// that a gateway which goes by headers would let it through.
func (g *generator) tell(e Expect, name, reason, body string) {
	g.add(e, "legacy", name, reason, strings.ReplaceAll(body, "META", ""), jsonType, accept)
	g.add(e, "modern", name, reason, strings.ReplaceAll(body, "META", meta), jsonType, accept, version, toolCall, nameOK)
}

func (g *generator) refused(name, reason, body string) { g.tell(Refused, name, reason, body) }

// envelope is a tool call with the given members of params behind META.
func envelope(params string) string {
	return `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{META` + params + `}}`
}

var (
	callOK     = envelope(`"name":"ok","arguments":{}`)
	callSecret = envelope(`"name":"secret","arguments":{}`)
)

func (g *generator) all() {
	g.plain()
	g.framing()
	g.duplicates()
	g.almostNames()
	g.values()
	g.envelopes()
	g.methods()
	g.otherObjects()
	g.flatForm()
	g.mirroredHeaders()
	g.contentHeaders()
	g.harmless()
}

func (g *generator) plain() {
	g.refused("secret", "the call itself: denied, in whatever way it is read", callSecret)
	g.refused("secret with ok among its arguments", "a reader that looks for any name finds ok", envelope(`"name":"secret","arguments":{"name":"ok","params":{"name":"ok"}}`))
	g.refused("secret behind an argument named ok", "a reader that takes the first name finds ok", envelope(`"arguments":{"name":"ok"},"name":"secret"`))
	g.refused("secret as a task", "legacy task augmentation runs the tool all the same", envelope(`"name":"secret","arguments":{},"task":{"ttl":60000}`))
	g.refused("secret with answers", "a retry with inputResponses is a call of its own", envelope(`"name":"secret","arguments":{},"inputResponses":{},"requestState":"ok"`))
	g.refused("ok as title", "a display name is not the name", envelope(`"name":"secret","title":"ok"`))
}
