package policy

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// strictComparisons makes ==, != and in fail on sides of different kinds, where
// CEL says that they are not equal. A server may take ["delete"] for "delete",
// as JavaScript does, and a condition that quietly is false would hand the call
// to the next, weaker rule.
var strictComparisons = cel.CustomDecoratorV2(func(node interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if call, ok := node.(interpreter.InterpretableCall); ok && len(call.Args()) == 2 {
		switch call.Function() {
		case operators.Equals, operators.NotEquals, operators.In:
			return &comparison{call, isNull(call.Args()[0]) || isNull(call.Args()[1])}, nil
		}
	}
	return node, nil
})

// comparison is one of ==, != and in.
type comparison struct {
	interpreter.InterpretableCall
	withNull bool // a side is the word null: that can be asked of any kind
}

func isNull(side interpreter.InterpretableV2) bool {
	constant, ok := side.(interpreter.InterpretableConst)
	return ok && constant.Value() == types.NullValue
}

// Eval is Exec for those who know the older interface.
func (c *comparison) Eval(a interpreter.Activation) ref.Val { return c.Exec(interpreter.AsFrame(a)) }

// Exec evaluates both sides once, and compares what has the same kind.
func (c *comparison) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	left := c.Args()[0].Exec(frame)
	if types.IsError(left) {
		return left
	}
	right := c.Args()[1].Exec(frame)
	if types.IsError(right) {
		return right
	}
	var unknown *types.Unknown
	unknown, _ = types.MaybeMergeUnknowns(left, unknown)
	unknown, _ = types.MaybeMergeUnknowns(right, unknown)
	if unknown != nil {
		return unknown
	}
	if c.Function() == operators.In {
		return contains(left, right)
	}
	if !c.withNull && !sameKind(left, right) {
		return mismatch(left, right)
	}
	return types.Bool((types.Equal(left, right) == types.True) == (c.Function() == operators.Equals))
}

// contains is the operator in: over the elements of a list or the keys of a map.
func contains(item, all ref.Val) ref.Val {
	container, ok := all.(traits.Container)
	if !ok {
		return mismatch(item, all)
	}
	if found := container.Contains(item); found == types.True {
		return found
	}
	// Nothing is equal; that is an answer only if something could have been.
	empty := true
	for it := all.(traits.Iterable).Iterator(); it.HasNext() == types.True; {
		if sameKind(item, it.Next()) {
			return types.False
		}
		empty = false
	}
	if empty {
		return types.False
	}
	return mismatch(item, all)
}

func sameKind(a, b ref.Val) bool { return valueKind(a) == valueKind(b) }

// valueKind is the kind of a JSON value: numbers are of one.
func valueKind(v ref.Val) string {
	switch v.(type) {
	case types.Int, types.Uint, types.Double:
		return "number"
	}
	return v.Type().TypeName()
}

func mismatch(a, b ref.Val) ref.Val {
	return types.NewErr("cannot compare %s with %s", valueKind(a), valueKind(b))
}
