package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// walk goes through rules of one kind in order and answers with the first that
// decides q; ok is false if none does. Calls and lists take the same way.
//
// Where not everything is known – the arguments behind a list entry or a
// completion, the expansion of a URI template – a rule may apply to some of
// what is possible and not to the rest. A list entry needs one possibility that
// is allowed, so such a rule decides only if it allows. A completion needs all
// of them allowed, because it tells of all: what such a rule asks for is asked
// for besides the rest, even if no rule decides in the end.
func walk(rules []*rule, over Kind, q *question) (d Decision, ok bool) {
	var besides Decision
	var caps captures
	for _, r := range rules {
		fits, g := r.fits(over, q, &caps)
		if fits == no {
			continue
		}
		holds := r.where.holds(q)
		switch {
		case holds == no:
			continue
		case holds == failed:
			d, holds = denied(r.failedWords), yes
			d.Unclear = true
		case over == KindResource && g.stars() > 0 && oddURI(q.uri) != "":
			d = denied(r.oddWords)
		case over == KindResource && q.pattern != nil && q.listing && r.mayAllow(q.subject.Grants, &caps):
			d = Decision{Allowed: true, Rule: r.words}
		default:
			d = r.decide(q.subject.Grants, &caps)
		}
		certain := fits == yes && holds == yes
		switch {
		case q.listing && (certain || d.Allowed):
			return d, true
		case q.listing:
			continue
		case besides.Rule != "":
			d = both(besides, d)
		}
		if certain || d.Reason == tokenstore.ReasonRule {
			return d, true
		}
		besides = d
	}
	return besides, false
}

// fits says whether r is about what q asks for, by which glob, and what its
// stars took. The answer is maybe if only some expansions of a template match.
func (r *rule) fits(over Kind, q *question, caps *captures) (truth, *glob) {
	text := q.name
	switch over {
	case KindMethod:
		text = q.method
	case KindResource:
		if q.pattern != nil {
			return r.fitsTemplate(q.pattern, caps)
		}
		text = q.uri
	}
	for i := range r.globs {
		if r.globs[i].match(text, caps) {
			return yes, &r.globs[i]
		}
	}
	return no, nil
}

// fitsTemplate compares with all that a URI template may expand to. From the
// first star that takes an expression on, no capture is known, because what the
// expression becomes may move them: those are a * in caps.
func (r *rule) fitsTemplate(pattern *glob, caps *captures) (truth, *glob) {
	for i := range r.globs {
		if g := &r.globs[i]; g.match(pattern.text, caps) {
			first := slices.IndexFunc(caps[:g.stars()], func(c string) bool { return strings.Contains(c, "*") })
			if first >= 0 {
				caps.forget(first)
			}
			return yes, g
		}
	}
	for i := range r.globs {
		if g := &r.globs[i]; g.overlaps(pattern) {
			caps.forget(0)
			return maybe, g
		}
	}
	return no, nil
}

// forget marks the captures from first on as not known.
func (c *captures) forget(first int) {
	for i := first; i < len(c); i++ {
		c[i] = "*"
	}
}

// both is the answer where two rules must agree. Permissions that are missing
// are told together, so that a caller learns at once all that it needs.
func both(a, b Decision) Decision {
	switch {
	case a.Reason == tokenstore.ReasonRule:
		return a
	case b.Reason == tokenstore.ReasonRule:
		return b
	}
	a.Allowed = a.Allowed && b.Allowed
	a.Reason = cmp.Or(a.Reason, b.Reason)
	a.Required = union(a.Required, b.Required)
	a.Missing = union(a.Missing, b.Missing)
	if !strings.Contains(a.Rule, b.Rule) {
		a.Rule += " and " + b.Rule
	}
	return a
}

// union appends to a what b has beyond it, without changing either.
func union(a, b []string) []string {
	a = slices.Clip(a)
	for _, s := range b {
		if !slices.Contains(a, s) {
			a = append(a, s)
		}
	}
	return a
}
