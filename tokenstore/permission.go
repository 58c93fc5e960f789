package tokenstore

import (
	"fmt"
	"slices"
	"strings"
)

// Rights over the gateway's own management. They are permissions like any
// other, but no wildcard reaches them: they must be granted by name or as
// exactly "mcp_token.*".
const (
	RightViewToken   = "mcp_token.view_token"   // read tokens, stats, routes, permissions; check and verify
	RightAddToken    = "mcp_token.add_token"    // create tokens
	RightChangeToken = "mcp_token.change_token" // edit, rotate, disable, enable, bulk; end live requests
	RightDeleteToken = "mcp_token.delete_token" // delete tokens
	RightViewGroup   = "mcp_token.view_group"   // read groups
	RightChangeGroup = "mcp_token.change_group" // create, edit and delete groups
	RightViewAudit   = "mcp_token.view_audit"   // read the audit trail
	RightExport      = "mcp_token.export"       // export and backup, which hold the hashes

	// AllRights is the grant of all of them, also of those to come.
	AllRights = "mcp_token.*"
)

// Rights are all management rights that exist.
var Rights = []string{
	RightViewToken, RightAddToken, RightChangeToken, RightDeleteToken,
	RightViewGroup, RightChangeGroup, RightViewAudit, RightExport,
}

// reservedLabel is the app label of the management rights.
const reservedLabel = "mcp_token"

// maxPermission bounds the length of a permission in bytes: Django's own limits
// are 100 for each half.
const maxPermission = 255

// CheckPermission returns an error that says why p cannot be a permission that
// a route requires: app_label.codename, where the label is made of A–Z a–z 0–9
// _ - and the codename also of . : and /.
func CheckPermission(p string) error {
	if strings.Contains(p, "*") {
		return fmt.Errorf("permission %q: a wildcard can be granted, not required", p)
	}
	return checkForm(p)
}

// CheckGrant returns an error that says why p cannot be granted. A grant may
// use * inside either half, or be * alone; the label mcp_token takes no
// wildcard but "mcp_token.*".
func CheckGrant(p string) error {
	if p == "*" {
		return nil
	}
	if err := checkForm(p); err != nil {
		return err
	}
	label, code, _ := strings.Cut(p, ".")
	if label == reservedLabel && code != "*" && strings.Contains(code, "*") {
		return fmt.Errorf("permission %q: rights under mcp_token are granted by name or as mcp_token.*", p)
	}
	return nil
}

// checkForm checks p as a grant, but for the reserved label.
func checkForm(p string) error {
	if len(p) > maxPermission {
		return fmt.Errorf("permission %q…: longer than %d bytes", p[:32], maxPermission)
	}
	label, code, found := strings.Cut(p, ".")
	if !found || label == "" || code == "" {
		return fmt.Errorf("permission %q: expected app_label.codename", p)
	}
	for i := range len(p) {
		c := p[i]
		inLabel := i < len(label)
		if !isWord(c) && c != '*' && (inLabel || !strings.ContainsRune(".:/", rune(c))) && i != len(label) {
			return fmt.Errorf("permission %q: character %q is not allowed in %s", p, []rune(p[i:])[0], half(inLabel))
		}
	}
	return nil
}

func half(label bool) string {
	if label {
		return "an app label (A-Z a-z 0-9 _ -)"
	}
	return "a codename (A-Z a-z 0-9 _ - . : /)"
}

// Grants are the permissions that a token holds, its own and those of its
// groups. They are immutable. A nil *Grants holds none.
type Grants struct {
	list  []string // sorted, unique
	globs []glob   // those of list that hold a wildcard, but for AllRights

	manages bool // holds a right under mcp_token
	all     bool // holds AllRights
}

// glob is a grant with a wildcard in one of its halves or both.
type glob struct{ label, code string }

// NewGrants compiles permissions. What CheckGrant refuses grants nothing.
func NewGrants(permissions ...string) *Grants {
	g := &Grants{list: make([]string, 0, len(permissions))}
	for _, p := range permissions {
		if CheckGrant(p) == nil {
			g.list = append(g.list, p)
		}
	}
	slices.Sort(g.list)
	g.list = slices.Compact(g.list)
	for _, p := range g.list {
		label, code, _ := strings.Cut(p, ".")
		switch {
		case p == "*":
			g.globs = append(g.globs, glob{"*", "*"})
		case label == reservedLabel:
			g.manages = true
			g.all = g.all || p == AllRights
		case strings.Contains(p, "*"):
			g.globs = append(g.globs, glob{label, code})
		}
	}
	return g
}

// Has reports whether g grants permission.
func (g *Grants) Has(permission string) bool {
	if g == nil || strings.IndexByte(permission, '*') >= 0 {
		return false
	}
	label, code, found := strings.Cut(permission, ".")
	if !found || label == "" || code == "" {
		return false
	}
	if _, exact := slices.BinarySearch(g.list, permission); exact {
		return true
	}
	if label == reservedLabel {
		return g.all
	}
	for i := range g.globs {
		if matchGlob(g.globs[i].label, label) && matchGlob(g.globs[i].code, code) {
			return true
		}
	}
	return false
}

// List returns the grants as given, sorted and unique. The caller must not
// change it.
func (g *Grants) List() []string {
	if g == nil {
		return []string{}
	}
	return g.list
}

// HoldsManagement reports whether g holds any right under mcp_token.
func (g *Grants) HoldsManagement() bool { return g != nil && g.manages }

// Manages reports whether g may change tokens: the right that the last token
// to hold it must not lose.
func (g *Grants) Manages() bool { return g.Has(RightChangeToken) }

// MissingRight returns a management right of other that g does not cover, or
// "". Only AllRights covers AllRights.
func (g *Grants) MissingRight(other *Grants) string {
	if !other.HoldsManagement() {
		return ""
	}
	for _, p := range other.list {
		if strings.HasPrefix(p, reservedLabel+".") && !g.covers(p) {
			return p
		}
	}
	return ""
}

// covers reports whether g holds right, which is a grant under mcp_token.
func (g *Grants) covers(right string) bool { return g != nil && g.all || g.Has(right) }

// matchGlob reports whether s matches pattern, in which each * stands for any
// number of characters. It goes back to the last * alone, so its cost is at
// most len(pattern)·len(s).
func matchGlob(pattern, s string) bool {
	p, i := 0, 0
	star, mark := -1, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, i
			p++
		case p < len(pattern) && pattern[p] == s[i]:
			p++
			i++
		case star >= 0:
			mark++
			p, i = star+1, mark
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}
