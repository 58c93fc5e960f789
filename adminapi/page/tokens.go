package page

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

type tokensScreen struct {
	frame
	Strip    []stripItem
	Form     url.Values
	Kept     []pair // filters that the search form does not show but keeps
	Groups   []string
	Filtered bool
	Columns  []column
	Items    []tokenstore.Record
	Total    int
	Here     string
	First    string
	Next     string
}

type stripItem struct {
	Label, URL string
	Count      int
	Current    bool
}

type pair struct{ Name, Value string }

type column struct{ Label, URL, Sorted string }

// listFilters are the query parameters that a list understands, in the order
// of its URLs.
var listFilters = []string{"status", "unused_for", "never_used", "q", "user", "group", "permission", "sort", "cursor"}

func (s *Site) listTokens(w http.ResponseWriter, r *http.Request, v *visitor) {
	if !s.require(w, r, v, tokenstore.RightViewToken) {
		return
	}
	form := r.URL.Query()
	data := tokensScreen{frame: v.frame("Tokens", "tokens"), Form: form, Here: listURL(form)}
	data.Notice = noticeOf(r)
	query, err := tokenQuery(form)
	var found tokenstore.TokenPage
	if err == nil {
		found, err = v.service.Tokens(query)
	}
	status := http.StatusOK
	if err != nil {
		if status, data.Errors = s.explain(w, r, err); status == 0 {
			return
		}
	}
	data.Items, data.Total = found.Items, found.Total
	data.Filtered = listURL(without(form, "sort", "cursor")) != "tokens"
	data.Strip = strip(v.service.Stats(), form)
	data.Columns = columns(form)
	for _, g := range v.service.Groups() {
		data.Groups = append(data.Groups, g.Name)
	}
	for _, name := range []string{"status", "unused_for", "never_used", "sort"} {
		if value := form.Get(name); value != "" {
			data.Kept = append(data.Kept, pair{name, value})
		}
	}
	if form.Get("cursor") != "" {
		data.First = listURL(without(form, "cursor"))
	}
	if found.NextCursor != "" {
		data.Next = listURL(with(form, "cursor", found.NextCursor))
	}
	s.render(w, r, status, "tokens", data)
}

func tokenQuery(form url.Values) (tokenstore.TokenQuery, error) {
	q := tokenstore.TokenQuery{
		Status: tokenstore.Status(form.Get("status")), Q: form.Get("q"), User: form.Get("user"),
		Group: form.Get("group"), Permission: form.Get("permission"),
		NeverUsed: form.Get("never_used") != "", Sort: form.Get("sort"), Cursor: form.Get("cursor"),
	}
	if unused := form.Get("unused_for"); unused != "" {
		d, err := tokenstore.ParseDuration(unused)
		if err != nil {
			return q, &tokenstore.FieldError{Field: "unused_for", Detail: err.Error()}
		}
		q.UnusedFor = d
	}
	return q, nil
}

// strip is the overview, each count a filter of the list.
func strip(stats tokenstore.Stats, form url.Values) []stripItem {
	items := []struct {
		label, name, value string
		count              int
	}{
		{"Active", "status", "active", stats.Active},
		{"Expiring within 7 days", "status", "expiring", stats.Expiring},
		{"Expired", "status", "expired", stats.Expired},
		{"Disabled", "status", "disabled", stats.Disabled},
		{"Unused for 30 days", "unused_for", "30d", stats.Unused30d},
		{"Never used", "never_used", "true", stats.NeverUsed},
	}
	var out []stripItem
	for _, item := range items {
		cleared := without(form, "status", "unused_for", "never_used", "cursor")
		current := form.Get(item.name) == item.value
		to := listURL(cleared) // a second click takes the filter away
		if !current {
			to = listURL(with(cleared, item.name, item.value))
		}
		out = append(out, stripItem{item.label, to, item.count, current})
	}
	return out
}

func columns(form url.Values) []column {
	sorted := form.Get("sort")
	if sorted == "" {
		sorted = "-created_at"
	}
	var out []column
	for _, c := range []struct{ label, key string }{
		{"Name", "name"}, {"Status", ""}, {"User", "user"}, {"Groups", ""}, {"Permissions", ""},
		{"Created", "created_at"}, {"Last used", "last_used_at"}, {"Expires", "expires_at"},
	} {
		col := column{Label: c.label}
		if c.key != "" {
			to := c.key
			switch sorted {
			case c.key:
				col.Sorted, to = "ascending", "-"+c.key
			case "-" + c.key:
				col.Sorted = "descending"
			}
			col.URL = listURL(with(without(form, "cursor"), "sort", to))
		}
		out = append(out, col)
	}
	return out
}

// listURL is the list's URL relative to itself.
func listURL(form url.Values) string {
	kept := url.Values{}
	for _, name := range listFilters {
		if value := form.Get(name); value != "" {
			kept.Set(name, value)
		}
	}
	if len(kept) == 0 {
		return "tokens"
	}
	return "tokens?" + kept.Encode()
}

func with(form url.Values, name, value string) url.Values {
	out := without(form)
	out.Set(name, value)
	return out
}

func without(form url.Values, names ...string) url.Values {
	out := url.Values{}
	for name, values := range form {
		if !slices.Contains(names, name) {
			out[name] = values
		}
	}
	return out
}

// bulk disables or enables the tokens that are ticked.
func (s *Site) bulk(w http.ResponseWriter, r *http.Request, v *visitor) {
	form, ok := s.form(w, r)
	if !ok {
		return
	}
	result, err := v.service.Bulk(r.Context(), v.actor, tokenstore.Bulk{
		Action: tokenstore.BulkAction(form.Get("action")), IDs: form["id"],
	})
	if err != nil {
		s.refuse(w, r, err)
		return
	}
	done := "bulk"
	if slices.ContainsFunc(result.Items, func(i tokenstore.BulkItem) bool { return i.Result == "refused" || i.Result == "not_found" }) {
		done = "bulk-partly"
	}
	back, err := url.Parse(form.Get("back"))
	if err != nil || back.Path != "tokens" || back.IsAbs() || back.Host != "" {
		back = &url.URL{Path: "tokens"}
	}
	query := back.Query()
	query.Set("done", done)
	redirect(w, r, "tokens?"+query.Encode())
}

// expiryOf reads the expiry that a form chose: a preset, a date, or never.
func expiryOf(form url.Values) (expiresIn string, expiresAt *time.Time, never bool, err error) {
	switch chosen := form.Get("expires"); chosen {
	case "never":
		return "", nil, true, nil
	case "custom":
		at, err := time.Parse("2006-01-02T15:04", strings.TrimSuffix(form.Get("expires_at"), "Z"))
		if err != nil {
			return "", nil, false, &tokenstore.FieldError{Field: "expires_at", Detail: "choose a date and a time"}
		}
		return "", &at, false, nil
	case "keep", "":
		return "", nil, false, nil
	default:
		return chosen, nil, false, nil
	}
}
