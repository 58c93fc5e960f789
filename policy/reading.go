package policy

import (
	"errors"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/mcptoken/caddy-mcp-token/mcp"
)

// reading is a member that a condition asks the arguments for. A server that
// takes "Action" for "action" would act on a member that the condition does not
// see, so a call that spells it otherwise is not one to decide on.
type reading struct {
	name  string
	level int // how many objects and lists are around it, or anyLevel
}

// anyLevel is that of a value whose way from the arguments is not plain.
const anyLevel = -1

// readings finds every member name in a condition.
func readings(checked *ast.AST) ([]reading, error) {
	var all []reading
	var err error
	ast.PreOrderVisit(checked.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		switch e.Kind() {
		case ast.SelectKind:
			s := e.AsSelect()
			all = append(all, reading{s.FieldName(), levelOf(s.Operand())})
		case ast.CallKind:
			if name, of := keyed(e.AsCall()); of != nil {
				all = append(all, reading{name, levelOf(of)})
			}
		case ast.ComprehensionKind:
			if e.AsComprehension().IterVar() == "args" {
				err = errors.New("args is taken; name the variable of the loop otherwise")
			}
		}
	}))
	return all, err
}

// keyed returns the literal key of an index or of in, and what it is a key of.
func keyed(c ast.CallExpr) (string, ast.Expr) {
	var key, of ast.Expr
	switch c.FunctionName() {
	case operators.Index:
		of, key = c.Args()[0], c.Args()[1]
	case operators.In:
		key, of = c.Args()[0], c.Args()[1]
	default:
		return "", nil
	}
	if key.Kind() != ast.LiteralKind {
		return "", nil
	}
	name, ok := key.AsLiteral().(types.String)
	if !ok {
		return "", nil
	}
	return string(name), of
}

// levelOf tells how deep in the arguments e's members are.
func levelOf(e ast.Expr) int {
	level := anyLevel
	switch e.Kind() {
	case ast.IdentKind:
		if e.AsIdent() == "args" {
			return 0
		}
	case ast.SelectKind:
		level = levelOf(e.AsSelect().Operand())
	case ast.CallKind:
		if c := e.AsCall(); c.FunctionName() == operators.Index {
			level = levelOf(c.Args()[0])
		}
	}
	if level == anyLevel {
		return anyLevel
	}
	return level + 1
}

// misspelled returns the reading that a server could take the member name for,
// though it is not the same.
func misspelled(all []reading, name string, level int) (string, bool) {
	for _, r := range all {
		if r.name != name && (r.level == level || r.level == anyLevel) && mcp.SameName(r.name, name) {
			return r.name, true
		}
	}
	return "", false
}
