package policy

// Config is what an operator writes for one route: what every request needs,
// and the rules for MCP messages. It is the JSON form of the directive.
type Config struct {
	// Name is what listings, logs and checks call the route.
	Name string `json:"name,omitempty"`

	// Require lists permissions that every request needs, all of them.
	Require []string `json:"require,omitempty"`

	// RequireAny lists permissions of which every request needs one at least.
	RequireAny []string `json:"require_any,omitempty"`

	// Rules decide MCP messages. Within one kind the first rule that matches
	// decides, and what no rule of a kind matches is denied.
	Rules []Rule `json:"rules,omitempty"`

	// FilterLists drops from list results what the caller may not call. The
	// default is on as soon as there is a tool, prompt or resource rule.
	FilterLists *bool `json:"filter_lists,omitempty"`
}

// Rule is one line of the rules.
type Rule struct {
	// Kind says what Match is compared with.
	Kind Kind `json:"kind"`

	// Match lists globs, of which one must match. A * stands for one or more
	// characters of any kind; everything else stands for itself.
	Match []string `json:"match"`

	// Where is a CEL expression that must be true for the rule to apply.
	Where string `json:"where,omitempty"`

	// Require lists permissions that a caller needs, all of them. {1}, {2} are
	// what the first, second * of the glob matched.
	Require []string `json:"require,omitempty"`

	// Effect is what the rule does. It may be left out of a rule that has
	// Require.
	Effect Effect `json:"effect,omitempty"`

	// File and Line say where the rule was written, for messages.
	File string `json:"file,omitempty"`
	Line int    `json:"line,omitempty"`
}

// Kind says what a rule is about.
type Kind string

const (
	KindTool     Kind = "tool"     // tools/call, by name
	KindPrompt   Kind = "prompt"   // prompts/get, by name
	KindResource Kind = "resource" // resources/read and its like, by URI
	KindMethod   Kind = "method"   // any message, by method
)

// Effect is what a rule does with the messages that it matches.
type Effect string

const (
	EffectRequire Effect = "require"
	EffectAllow   Effect = "allow"
	EffectDeny    Effect = "deny"
)
