package policy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// The bounds of a condition. One that runs into them denies.
const (
	maxConditionText = 4096                   // characters
	maxConditionCost = 500_000                // CEL's units: a step each, or ten bytes of a string; 4 MiB are searched once
	maxConditionTime = 250 * time.Millisecond // for loops; a reasonable one takes a thousandth of it
)

// vocabulary is what a condition may speak of, by the kind of its rule.
var vocabulary = map[Kind][]string{
	KindTool:     {"args", "tool", "name", "method", "token.name", "token.user"},
	KindPrompt:   {"args", "name", "method", "token.name", "token.user"},
	KindResource: {"uri", "method", "token.name", "token.user"},
	KindMethod:   {"args", "tool", "name", "uri", "method", "token.name", "token.user"},
}

// condition is the where of a rule.
type condition struct {
	text string
	live cel.Program // all is known
	open cel.Program // something is not

	// asked are the members that it looks at.
	asked []reading
}

// truth is what a condition says of a message.
type truth uint8

const (
	no     truth = iota
	yes          // it holds
	maybe        // it depends on what is not known
	failed       // it could not be evaluated
)

// environments holds CEL's idea of each kind's vocabulary, made on first use.
var environments = map[Kind]func() (*cel.Env, error){}

func init() {
	for kind, names := range vocabulary {
		environments[kind] = sync.OnceValues(func() (*cel.Env, error) { return newEnvironment(names) })
	}
}

func newEnvironment(names []string) (*cel.Env, error) {
	options := []cel.EnvOption{
		cel.ParserExpressionSizeLimit(maxConditionText),
		cel.ParserRecursionLimit(50),
		cel.ExpressionNodeLimit(2000),
		cel.RegexProgramSizeLimit(1000),
		// A list inside a list is as deep as arguments are walked: each level
		// more multiplies the work.
		cel.ASTValidators(cel.ValidateComprehensionNestingLimit(2), cel.ValidateRegexLiterals()),
		cel.CrossTypeNumericComparisons(true),
	}
	for _, name := range names {
		kind := cel.StringType
		if name == "args" {
			kind = cel.MapType(cel.StringType, cel.DynType)
		}
		options = append(options, cel.Variable(name, kind))
	}
	return cel.NewEnv(options...)
}

// compileCondition checks text's grammar, names and types.
func compileCondition(kind Kind, text string) (*condition, error) {
	env, err := environments[kind]()
	if err != nil {
		return nil, err
	}
	if strings.TrimSpace(text) == "" {
		return nil, errors.New("it is empty")
	}
	checked, issues := env.Compile(text)
	if issues.Err() != nil {
		return nil, conditionError(kind, issues)
	}
	if !checked.OutputType().IsExactType(cel.BoolType) {
		return nil, fmt.Errorf("it is of type %s; expected a comparison or another expression that is true or false", cel.FormatCELType(checked.OutputType()))
	}
	c := &condition{text: text}
	if c.asked, err = readings(checked.NativeRep()); err != nil {
		return nil, err
	}
	limits := []cel.ProgramOption{cel.CostLimit(maxConditionCost), cel.InterruptCheckFrequency(100), strictComparisons}
	if c.live, err = env.Program(checked, limits...); err != nil {
		return nil, err
	}
	c.open, err = env.Program(checked, append(limits, cel.EvalOptions(cel.OptPartialEval))...)
	return c, err
}

// conditionError tells each problem in one line, with its column.
func conditionError(kind Kind, issues *cel.Issues) error {
	var all []string
	unknown := false
	for _, e := range issues.Errors() {
		message := strings.TrimSuffix(e.Message, " (in container '')")
		unknown = unknown || strings.Contains(message, "undeclared reference")
		if e.Location != nil && e.Location.Column() >= 0 {
			message = fmt.Sprintf("column %d: %s", e.Location.Column()+1, message)
		}
		all = append(all, message)
	}
	text := strings.Join(all, "; ")
	if unknown {
		text += fmt.Sprintf(" (a %s rule knows %s)", kind, strings.Join(vocabulary[kind], ", "))
	}
	return errors.New(text)
}

// holds evaluates c for q. A nil condition always holds.
func (c *condition) holds(q *question) truth {
	if c == nil {
		return yes
	}
	ctx, cancel := context.WithTimeout(context.Background(), maxConditionTime)
	defer cancel()
	// A copy, so that questions stay off the heap where no rule has a condition.
	known := &facts{question: *q, asked: c.asked}
	program, input := c.live, cel.Activation(known)
	if unknown := q.unknown(); unknown != nil {
		partial, err := cel.PartialVars(known, unknown...)
		if err != nil {
			return failed
		}
		program, input = c.open, partial
	}
	value, _, err := program.ContextEval(ctx, input)
	switch {
	case err != nil:
		return failed
	case types.IsUnknown(value):
		return maybe
	case value == types.True:
		return yes
	case value == types.False:
		return no
	}
	return failed
}

// unknown names what cannot be known yet when q is asked.
func (q *question) unknown() []*cel.AttributePatternType {
	var all []*cel.AttributePatternType
	if q.argsUnknown {
		all = append(all, cel.AttributePattern("args"))
	}
	if q.pattern != nil {
		all = append(all, cel.AttributePattern("uri"))
	}
	return all
}

// facts are a question as conditions see it.
type facts struct {
	question
	asked []reading
	args  ref.Val // what they are read into, once
}

// Parent returns nil: there are no other facts.
func (f *facts) Parent() cel.Activation { return nil }

// ResolveName gives conditions what they ask for.
func (f *facts) ResolveName(name string) (any, bool) {
	switch name {
	case "args":
		if f.args == nil {
			f.args = readArguments(f.arguments, f.asked)
		}
		return f.args, true
	case "tool":
		if f.kind == KindTool {
			return f.name, true
		}
		return "", true
	case "name":
		return f.name, true
	case "uri":
		return f.uri, true
	case "method":
		return f.method, true
	case "token.name":
		return f.subject.TokenName, true
	case "token.user":
		return f.subject.TokenUser, true
	}
	return nil, false
}
