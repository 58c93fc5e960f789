// Package blog is the demo's upstream: a small blog in memory, offered as an
// MCP server whose tools carry the names that django-admin-mcp gives them. It
// knows nothing of tokens and trusts every caller: the gateway in front of it
// is what decides.
package blog

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// A record is one article or author: its fields by name. A record that was
// handed out is never changed; an update replaces it.
type record map[string]any

// A field describes one field of a model, as describe_article tells it.
type field struct {
	Name     string `json:"name"`
	Type     string `json:"type"` // string, boolean or reference
	Required bool   `json:"required"`
	Model    string `json:"model,omitempty"` // what a reference refers to
}

// A model is one kind of record, and all records of that kind.
type model struct {
	Name    string  `json:"model_name"`
	Plural  string  `json:"verbose_name_plural"`
	Fields  []field `json:"fields"`
	display string  // the field that stands for a record in lists

	records map[int]record
	lastID  int
}

// A change is one line of a record's history.
type change struct {
	Model  string    `json:"-"`
	ID     int       `json:"-"`
	Time   time.Time `json:"time"`
	Action string    `json:"action"`
	Fields []string  `json:"fields,omitempty"`
}

// data is the whole blog. Its methods are safe for concurrent use.
type data struct {
	mu      sync.RWMutex
	models  []*model
	history []change
}

func newData() *data {
	authors := &model{
		Name: "author", Plural: "authors", display: "name",
		Fields:  []field{{Name: "name", Type: "string", Required: true}, {Name: "email", Type: "string"}},
		records: map[int]record{},
	}
	articles := &model{
		Name: "article", Plural: "articles", display: "title",
		Fields: []field{
			{Name: "title", Type: "string", Required: true},
			{Name: "body", Type: "string"},
			{Name: "author", Type: "reference", Model: "author"},
			{Name: "published", Type: "boolean"},
		},
		records: map[int]record{},
	}
	d := &data{models: []*model{articles, authors}}
	for _, r := range []record{
		{"name": "Ada", "email": "ada@example.com"},
		{"name": "Grace", "email": "grace@example.com"},
	} {
		d.mustCreate(authors, r)
	}
	for _, r := range []record{
		{"title": "Hello, gateway", "body": "Every call that reads this passed a token check.", "author": 1, "published": true},
		{"title": "Least privilege", "body": "A reader's token lists articles; it cannot delete them.", "author": 1, "published": true},
		{"title": "Draft on rotation", "body": "One id, two secrets, for as long as the grace lasts.", "author": 2, "published": false},
	} {
		d.mustCreate(articles, r)
	}
	return d
}

func (d *data) mustCreate(m *model, fields record) {
	if _, err := d.create(m, fields); err != nil {
		panic(err) // the seed above is wrong
	}
}

// list returns the records of m that contain search in a text field and equal
// filters, ordered by a field ("-" in front for descending) or by id.
func (d *data) list(m *model, search string, filters record, orderBy string) []record {
	d.mu.RLock()
	defer d.mu.RUnlock()
	var out []record
	for _, id := range slices.Sorted(maps.Keys(m.records)) {
		if r := m.records[id]; matches(r, search, filters) {
			out = append(out, r)
		}
	}
	if name, descending := strings.CutPrefix(orderBy, "-"); name != "" {
		slices.SortStableFunc(out, func(a, b record) int {
			order := cmp.Compare(fmt.Sprint(a[name]), fmt.Sprint(b[name]))
			if descending {
				return -order
			}
			return order
		})
	}
	return out
}

func matches(r record, search string, filters record) bool {
	for name, want := range filters {
		if fmt.Sprint(r[name]) != fmt.Sprint(want) {
			return false
		}
	}
	if search == "" {
		return true
	}
	for _, v := range r {
		if s, ok := v.(string); ok && strings.Contains(strings.ToLower(s), strings.ToLower(search)) {
			return true
		}
	}
	return false
}

func (d *data) get(m *model, id int) (record, error) {
	d.mu.RLock()
	defer d.mu.RUnlock()
	return m.get(id)
}

func (m *model) get(id int) (record, error) {
	if r, ok := m.records[id]; ok {
		return r, nil
	}
	return nil, fmt.Errorf("%s %d not found", m.Name, id)
}

func (d *data) create(m *model, fields record) (record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	r := record{}
	for _, f := range m.Fields {
		if f.Type == "boolean" {
			r[f.Name] = false
		}
	}
	if err := d.merge(m, r, fields); err != nil {
		return nil, err
	}
	m.lastID++
	r["id"] = m.lastID
	m.records[m.lastID] = r
	d.record(m, m.lastID, "created", fields)
	return r, nil
}

func (d *data) update(m *model, id int, fields record) (record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old, err := m.get(id)
	if err != nil {
		return nil, err
	}
	r := maps.Clone(old)
	if err := d.merge(m, r, fields); err != nil {
		return nil, err
	}
	m.records[id] = r
	d.record(m, id, "changed", fields)
	return r, nil
}

// merge sets fields on r, if they are fields of m and of the right type. The
// caller holds d.mu.
func (d *data) merge(m *model, r, fields record) error {
	for name, v := range fields {
		i := slices.IndexFunc(m.Fields, func(f field) bool { return f.Name == name })
		if i < 0 {
			return fmt.Errorf("%s has no field %q", m.Name, name)
		}
		var ok bool
		switch f := m.Fields[i]; f.Type {
		case "string":
			_, ok = v.(string)
		case "boolean":
			_, ok = v.(bool)
		case "reference":
			var id int
			if id, ok = asID(v); ok {
				if _, err := d.model(f.Model).get(id); err != nil {
					return err
				}
				v = id
			}
		}
		if !ok {
			return fmt.Errorf("field %q must be a %s", name, m.Fields[i].Type)
		}
		r[name] = v
	}
	for _, f := range m.Fields {
		if f.Required && (r[f.Name] == nil || r[f.Name] == "") {
			return fmt.Errorf("field %q is required", f.Name)
		}
	}
	return nil
}

// asID reads an id as JSON has it: a number without a fraction.
func asID(v any) (int, bool) {
	switch n := v.(type) {
	case int:
		return n, true
	case float64:
		return int(n), n == float64(int(n))
	}
	return 0, false
}

func (d *data) delete(m *model, id int) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := m.get(id); err != nil {
		return err
	}
	delete(m.records, id)
	d.record(m, id, "deleted", nil)
	return nil
}

// model returns the model of that name, or nil.
func (d *data) model(name string) *model {
	for _, m := range d.models {
		if m.Name == name {
			return m
		}
	}
	return nil
}

// record adds to the history. The caller holds d.mu.
func (d *data) record(m *model, id int, action string, fields record) {
	d.history = append(d.history, change{
		Model: m.Name, ID: id, Time: time.Now().UTC(), Action: action,
		Fields: slices.Sorted(maps.Keys(fields)),
	})
}

// changes returns what happened to one record, newest first.
func (d *data) changes(m *model, id int) []change {
	d.mu.RLock()
	defer d.mu.RUnlock()
	out := []change{}
	for _, c := range slices.Backward(d.history) {
		if c.Model == m.Name && c.ID == id {
			out = append(out, c)
		}
	}
	return out
}
