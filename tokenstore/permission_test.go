package tokenstore

import (
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestRequirementsAndGrantsHaveTheirForm(t *testing.T) {
	for _, c := range []struct {
		text           string
		require, grant bool
	}{
		{"blog.view_article", true, true},
		{"blog-2.view:article/1.draft", true, true},
		{"a.b", true, true},
		{"mcp_token.view_token", true, true},
		{"mcp_token.something_new", true, true},
		{"blog.*", false, true},
		{"*.view_*", false, true},
		{"*.*", false, true},
		{"*", false, true},
		{"b*g.view_*_x", false, true},
		{"mcp_token.*", false, true},
		{"mcp_token.view_*", false, false},
		{"mcp_token.**", false, false},
		{"", false, false},
		{"blog", false, false},
		{"blog.", false, false},
		{".view", false, false},
		{"blog view.x", false, false},
		{"blog.view article", false, false},
		{"bl:og.x", false, false},
		{"bl/og.x", false, false},
		{"blog.ü", false, false},
		{"blog.x\n", false, false},
		{"blog.{1}", false, false},
		{"a." + strings.Repeat("x", 254), false, false},
	} {
		if err := CheckPermission(c.text); (err == nil) != c.require {
			t.Errorf("CheckPermission(%q) = %v", c.text, err)
		}
		if err := CheckGrant(c.text); (err == nil) != c.grant {
			t.Errorf("CheckGrant(%q) = %v", c.text, err)
		}
	}
}

func TestGrantsAddUp(t *testing.T) {
	g := NewGrants("blog.view_article", "shop.*", "*.view_*", "shop.*")
	for permission, want := range map[string]bool{
		"blog.view_article": true, "blog.view_comment": true, "blog.add_article": false,
		"shop.delete_order": true, "shop.a.b/c": true, "shopx.delete_order": false,
		"crm.view_": true, "crm.preview_x": false, "shop.": false, "shop": false, "": false, "shop.*": false, "*": false,
	} {
		if g.Has(permission) != want {
			t.Errorf("Has(%q) = %t", permission, !want)
		}
	}
	if want := []string{"*.view_*", "blog.view_article", "shop.*"}; !slices.Equal(g.List(), want) {
		t.Errorf("List() = %q", g.List())
	}
}

func TestNoWildcardReachesManagement(t *testing.T) {
	for _, grant := range []string{"*", "*.*", "mcp_*.*", "mcp_token*.*", "*mcp_token.*", "*.view_token", "mcp_toke*.view_token", "mcp_token.view_*"} {
		g := NewGrants(grant)
		if g.Has(RightViewToken) || g.HoldsManagement() {
			t.Errorf("%q grants %s", grant, RightViewToken)
		}
	}
	all := NewGrants(AllRights)
	for _, right := range Rights {
		if !all.Has(right) || !NewGrants(right).Has(right) || !NewGrants(right).HoldsManagement() {
			t.Errorf("%s is not granted by name", right)
		}
	}
	if !all.Manages() || NewGrants(RightViewToken).Manages() || all.Has("blog.view_article") {
		t.Error("mcp_token.* grants something else")
	}
}

func TestNoGrantsHoldNothing(t *testing.T) {
	var none *Grants
	for _, g := range []*Grants{none, NewGrants()} {
		if g.Has("a.b") || g.HoldsManagement() || g.Manages() || g.MissingRight(nil) != "" || g.List() == nil || len(g.List()) > 0 {
			t.Errorf("%+v holds something", g)
		}
		if g.MissingRight(NewGrants(RightExport)) != RightExport || g.MissingRight(NewGrants("blog.*")) != "" {
			t.Error("MissingRight is wrong")
		}
	}
	singly := NewGrants(Rights...)
	if NewGrants(AllRights).MissingRight(singly) != "" || singly.MissingRight(NewGrants(AllRights)) != AllRights {
		t.Error("all rights are not the same as each, for there may be more to come")
	}
}

func TestAskingForAGrantDoesNotAllocate(t *testing.T) {
	g := NewGrants("blog.view_article", "*.view_*", "shop.*")
	if n := testing.AllocsPerRun(100, func() { g.Has("blog.add_article") }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzCheckGrant(f *testing.F) {
	for _, s := range []string{"blog.view_article", "*", "*.*", "mcp_token.*", "mcp_token.view_*", "a*b*c.d*e*f"} {
		f.Add(s, "blog.view_article")
		f.Add(s, "mcp_token.view_token")
	}
	f.Fuzz(func(t *testing.T, grant, permission string) {
		g := NewGrants(grant)
		granted := CheckGrant(grant) == nil
		if granted != (len(g.List()) == 1) {
			t.Fatalf("%q: compiled to %q", grant, g.List())
		}
		if CheckPermission(permission) != nil {
			return
		}
		if got, want := g.Has(permission), granted && matchesByRegexp(grant, permission); got != want {
			t.Errorf("%q grants %q: %t, want %t", grant, permission, got, want)
		}
	})
}

// matchesByRegexp says the same as Grants.Has in another way.
func matchesByRegexp(grant, permission string) bool {
	if grant == "*" {
		grant = "*.*"
	}
	label, code, _ := strings.Cut(grant, ".")
	if strings.HasPrefix(permission, reservedLabel+".") && label != reservedLabel {
		return false
	}
	pattern := strings.ReplaceAll(regexp.QuoteMeta(label), `\*`, `[^.]*`) + `\.` + strings.ReplaceAll(regexp.QuoteMeta(code), `\*`, `.*`)
	return regexp.MustCompile(`^(?:` + pattern + `)$`).MatchString(permission)
}
