package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/mcptoken/caddy-mcp-token/policy"
)

// unmarshalRule reads one line of the rules. A glob that is spelled like one of
// the words where, require, allow and deny must be quoted.
//
//	tool <glob...> [where <CEL>] require <permission...>
//	tool <glob...> [where <CEL>] allow|deny
func (h *Handler) unmarshalRule(d *caddyfile.Dispenser) error {
	rule := policy.Rule{Kind: policy.Kind(d.Val()), File: d.File(), Line: d.Line()}
	for rule.Effect == "" {
		if !d.NextArg() {
			return d.Errf("unexpected end of the %s rule: expected require <permission...>, allow or deny", rule.Kind)
		}
		if err := ruleWord(d, &rule); err != nil {
			return err
		}
	}
	switch {
	case len(rule.Match) == 0:
		return d.Errf("the %s rule names nothing: expected a glob before '%s'", rule.Kind, rule.Effect)
	case rule.Effect == policy.EffectRequire:
		rule.Require = d.RemainingArgs()
		if len(rule.Require) == 0 {
			return d.ArgErr()
		}
	case d.NextArg():
		return d.Errf("unexpected '%s' after %s", d.Val(), rule.Effect)
	}
	h.Rules = append(h.Rules, rule)
	return nil
}

func ruleWord(d *caddyfile.Dispenser, rule *policy.Rule) error {
	word := d.Val()
	switch {
	case d.Token().Quoted():
	case word == "where":
		if rule.Where != "" {
			return d.Errf("a %s rule has one where", rule.Kind)
		}
		if !d.NextArg() || d.Val() == "" {
			return d.Errf("expected an expression, in backquotes, after where")
		}
		rule.Where = d.Val()
		return nil
	case word == "require", word == "allow", word == "deny":
		rule.Effect = policy.Effect(word)
		return nil
	}
	if rule.Where != "" {
		return d.Errf("unexpected '%s' after where: expected require <permission...>, allow or deny", word)
	}
	rule.Match = append(rule.Match, word)
	return nil
}
