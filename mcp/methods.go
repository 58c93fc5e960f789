package mcp

// object says which member of a method's params names what is asked for.
type object uint8

const (
	nothing  object = iota
	byName          // params.name
	byURI           // params.uri
	byTask          // params.taskId
	byRef           // params.ref, of a prompt by name or of a resource by uri
	byListen        // params.notifications: URIs and task ids
)

type methodInfo struct {
	object       object
	notification bool
	flat         bool // may come as django-admin-mcp's clients send it: without jsonrpc, id or params
	headerName   bool // modern requests must repeat the object in Mcp-Name (SEP-2243)
	legacy       bool // gone in 2026-07-28, where servers answer "no such method" whatever the params
}

// methods are those of all revisions and of the tasks extension. A method that
// is not here names nothing, and it is for a rule on methods to let it through.
var methods = map[string]methodInfo{
	"initialize":                         {},
	"server/discover":                    {},
	"ping":                               {},
	"logging/setLevel":                   {},
	"tools/list":                         {flat: true},
	"tools/call":                         {object: byName, flat: true, headerName: true},
	"prompts/list":                       {},
	"prompts/get":                        {object: byName, headerName: true},
	"resources/list":                     {},
	"resources/templates/list":           {},
	"resources/read":                     {object: byURI, headerName: true},
	"resources/subscribe":                {object: byURI, legacy: true},
	"resources/unsubscribe":              {object: byURI, legacy: true},
	"subscriptions/listen":               {object: byListen},
	"completion/complete":                {object: byRef},
	"tasks/get":                          {object: byTask},
	"tasks/result":                       {object: byTask},
	"tasks/update":                       {object: byTask},
	"tasks/cancel":                       {object: byTask},
	"tasks/list":                         {},
	"notifications/initialized":          {notification: true},
	"notifications/cancelled":            {notification: true},
	"notifications/progress":             {notification: true},
	"notifications/roots/list_changed":   {notification: true},
	"notifications/tasks/status":         {notification: true},
	"notifications/elicitation/complete": {notification: true},
}
