package hazards

import (
	"strings"
)

// otherObjects reach prompts, resources and tasks, in the same ways.
func (g *generator) otherObjects() {
	for _, x := range []struct{ name, method, params string }{
		{"prompt", "prompts/get", `"name":"secret"`},
		{"prompt twice", "prompts/get", `"name":"ok","name":"secret"`},
		{"prompt almost", "prompts/get", `"name":"ok","Name":"secret"`},
		{"resource", "resources/read", `"uri":"test://secret"`},
		{"resource twice", "resources/read", `"uri":"test://ok","uri":"test://secret"`},
		{"resource almost", "resources/read", `"uri":"test://ok","URI":"test://secret"`},
		{"resource with dotless i", "resources/read", `"uri":"test://ok","ur\u0131":"test://secret"`},
		{"resource by a path", "resources/read", `"uri":"test://ok/../secret"`},
		{"resource by name", "resources/read", `"name":"test://ok","uri":"test://secret"`},
		{"resource in a list", "resources/read", `"uri":["test://secret"]`},
		{"resource with NUL", "resources/read", `"uri":"test://secret\u0000ok"`},
		{"subscription", "resources/subscribe", `"uri":"test://secret"`},
		{"unsubscription", "resources/unsubscribe", `"uri":"test://secret"`},
		{"listening", "subscriptions/listen", `"notifications":{"resourceSubscriptions":["test://secret"]}`},
		{"listening to both", "subscriptions/listen", `"notifications":{"resourceSubscriptions":["test://ok","test://secret"]}`},
		{"listening twice", "subscriptions/listen", `"notifications":{"resourceSubscriptions":[],"resourceSubscriptions":["test://secret"]}`},
		{"listening in snake case", "subscriptions/listen", `"notifications":{"resource_subscriptions":["test://secret"]}`},
		{"listening almost", "subscriptions/listen", `"notifications":{"ResourceSubscriptions":["test://secret"]}`},
		{"listening to a string", "subscriptions/listen", `"notifications":{"resourceSubscriptions":"test://secret"}`},
		{"listening twice over", "subscriptions/listen", `"notifications":{},"Notifications":{"resourceSubscriptions":["test://secret"]}`},
		{"listening to a task", "subscriptions/listen", `"notifications":{"taskIds":["secret"]}`},
		{"listening to a task in snake case", "subscriptions/listen", `"notifications":{"task_ids":["secret"]}`},
		{"completion of a prompt", "completion/complete", `"ref":{"type":"ref/prompt","name":"secret"},"argument":{"name":"a","value":""}`},
		{"completion of a resource", "completion/complete", `"ref":{"type":"ref/resource","uri":"test://secret"},"argument":{"name":"a","value":""}`},
		{"completion of both", "completion/complete", `"ref":{"type":"ref/prompt","name":"ok","uri":"test://secret"},"argument":{"name":"a","value":""}`},
		{"completion of two types", "completion/complete", `"ref":{"type":"ref/prompt","type":"ref/resource","uri":"test://secret","name":"ok"},"argument":{"name":"a","value":""}`},
		{"completion almost", "completion/complete", `"ref":{"type":"ref/prompt","name":"ok","Name":"secret"},"argument":{"name":"a","value":""}`},
		{"completion of another type", "completion/complete", `"ref":{"type":"ref/tool","name":"secret"},"argument":{"name":"a","value":""}`},
		{"completion with two refs", "completion/complete", `"ref":{"type":"ref/prompt","name":"ok"},"Ref":{"type":"ref/prompt","name":"secret"},"argument":{"name":"a","value":""}`},
		{"task", "tasks/get", `"taskId":"secret"`},
		{"task result", "tasks/result", `"taskId":"secret"`},
		{"task cancelled", "tasks/cancel", `"taskId":"secret"`},
		{"task updated", "tasks/update", `"taskId":"secret","inputResponses":{}`},
		{"task in snake case", "tasks/get", `"taskId":"ok","task_id":"secret"`},
		{"tasks listed", "tasks/list", `"cursor":""`},
		{"log level", "logging/setLevel", `"level":"debug"`},
	} {
		const reason = "what is not allowed is denied, whatever the object"
		body := `{"jsonrpc":"2.0","id":1,"method":"` + x.method + `","params":{META` + x.params + `}}`
		g.add(Refused, "legacy", "object: "+x.name, reason, strings.ReplaceAll(body, "META", ""), jsonType, accept)
		g.add(Refused, "modern", "object: "+x.name, reason, strings.ReplaceAll(body, "META", meta), jsonType, accept, version, [2]string{"Mcp-Method", x.method}, nameOK)
	}
}

func (g *generator) flatForm() {
	for _, x := range []struct{ name, reason, body string }{
		{"secret", "the call itself", `{"method":"tools/call","name":"secret","arguments":{}}`},
		{"both forms", "a server of either form takes its own", `{"method":"tools/call","name":"ok","params":{"name":"secret"}}`},
		{"both forms, ok in params", "a server of either form takes its own", `{"method":"tools/call","name":"secret","params":{"name":"ok"}}`},
		{"empty params", "a server may fall back on the flat form", `{"method":"tools/call","name":"secret","params":{}}`},
		{"null params", "a server may fall back on the flat form", `{"method":"tools/call","name":"secret","params":null}`},
		{"null name", "a server may fall back on params", `{"method":"tools/call","name":null,"params":{"name":"secret"}}`},
		{"arguments outside", "a server may merge them", `{"method":"tools/call","params":{"name":"ok"},"arguments":{"action":"delete"}}`},
		{"name twice", "the last is run", `{"method":"tools/call","name":"ok","name":"secret"}`},
		{"name almost", "a folding server runs secret", `{"method":"tools/call","name":"ok","Name":"secret"}`},
		{"name with NUL", "a reader that skips it runs secret", `{"method":"tools/call","name":"ok","name\u0000":"secret"}`},
		{"method not a string", "never guess", `{"method":["tools/call"],"name":"secret"}`},
		{"name not a string", "never guess", `{"method":"tools/call","name":["secret"]}`},
		{"jsonrpc wrong", "exactly 2.0 when it is there", `{"jsonrpc":"1.0","method":"tools/call","name":"ok"}`},
		{"list with a name", "a server may call it", `{"method":"tools/list","name":"secret"}`},
		{"prompt", "the flat form knows tools only", `{"method":"prompts/get","name":"secret"}`},
		{"without a method", "a server may have a default", `{"name":"secret","arguments":{}}`},
		{"tool instead of name", "an alias", `{"method":"tools/call","tool":"secret"}`},
		{"argument twice", "a condition would see another than the server", `{"method":"tools/call","name":"ok","arguments":{"x":1,"x":2}}`},
		{"batch", "a server may run it", `[{"method":"tools/call","name":"secret"}]`},
	} {
		g.add(Refused, "flat", x.name, x.reason, x.body, jsonType, accept)
	}
	for _, x := range []struct{ name, body string }{
		{"ok", `{"method":"tools/call","name":"ok","arguments":{}}`},
		{"ok without arguments", `{"method":"tools/call","name":"ok"}`},
		{"ok with an id", `{"jsonrpc":"2.0","id":7,"method":"tools/call","name":"ok","arguments":{"x":1}}`},
		{"ok in params without jsonrpc", `{"id":7,"method":"tools/call","params":{"name":"ok","arguments":{}}}`},
	} {
		g.add(Harmless, "flat", x.name, "as django-admin-mcp's clients write it", x.body, jsonType, accept)
	}
}
