package blog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// app is the Django app label that the blog's permissions would have, as in
// blog.view_article.
const app = "blog"

type (
	findInput struct {
		Query string `json:"query,omitempty" jsonschema:"part of a model's name"`
	}
	listInput struct {
		Search  string   `json:"search,omitempty" jsonschema:"text to look for in any text field"`
		Filters record   `json:"filters,omitempty" jsonschema:"field values to match exactly"`
		OrderBy []string `json:"order_by,omitempty" jsonschema:"a field; - in front for descending"`
		Limit   int      `json:"limit,omitempty" jsonschema:"at most this many (default 100)"`
		Offset  int      `json:"offset,omitempty" jsonschema:"skip this many"`
	}
	idInput struct {
		ID int `json:"id"`
	}
	createInput struct {
		Data record `json:"data" jsonschema:"the fields of the new record"`
	}
	updateInput struct {
		ID   int    `json:"id"`
		Data record `json:"data" jsonschema:"the fields to change"`
	}
	actionInput struct {
		Action string `json:"action" jsonschema:"an action that actions_* lists"`
		IDs    []int  `json:"ids"`
	}
	bulkInput struct {
		Operation string `json:"operation" jsonschema:"create, update or delete"`
		Items     []any  `json:"items" jsonschema:"create: objects of fields; update: {id, data}; delete: ids"`
	}
	relatedInput struct {
		ID       int    `json:"id"`
		Relation string `json:"relation,omitempty" jsonschema:"author of an article, articles of an author"`
	}
	autocompleteInput struct {
		Term  string `json:"term,omitempty"`
		Limit int    `json:"limit,omitempty" jsonschema:"at most this many (default 20)"`
	}
	noInput struct{}
)

// newServer makes the MCP server over d: tools for each model, the articles as
// resources, and a prompt.
func newServer(d *data) *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "demo-blog", Title: "Demo blog", Version: "1.0.0"}, &mcp.ServerOptions{
		Instructions: "A small blog in memory. Start with find_models.",
		// Subscriptions need no bookkeeping here: the SDK keeps the list.
		SubscribeHandler:   func(context.Context, *mcp.SubscribeRequest) error { return nil },
		UnsubscribeHandler: func(context.Context, *mcp.UnsubscribeRequest) error { return nil },
	})
	b := &tools{data: d, server: s}
	reading(s, "find_models", "List the models that have tools.", b.findModels)
	for _, m := range d.models {
		t := &modelTools{tools: b, model: m}
		reading(s, "list_"+m.Name, "List "+m.Plural+", with search, filters, order and pages.", t.list)
		reading(s, "get_"+m.Name, "Get one "+m.Name+" by id.", t.get)
		reading(s, "describe_"+m.Name, "Describe the fields of "+m.Plural+".", t.describe)
		writing(s, "create_"+m.Name, "Create one "+m.Name+".", t.create)
		writing(s, "update_"+m.Name, "Change fields of one "+m.Name+".", t.update)
		writing(s, "delete_"+m.Name, "Delete one "+m.Name+" by id.", t.delete)
		reading(s, "actions_"+m.Name, "List the actions that action_"+m.Name+" can run.", t.actions)
		writing(s, "action_"+m.Name, "Run an action on several "+m.Plural+".", t.action)
		writing(s, "bulk_"+m.Name, "Create, update or delete several "+m.Plural+" in one call; reports progress.", t.bulk)
		reading(s, "related_"+m.Name, "Get what one "+m.Name+" is related to.", t.related)
		reading(s, "history_"+m.Name, "Tell what was done to one "+m.Name+".", t.history)
		reading(s, "autocomplete_"+m.Name, "Suggest "+m.Plural+" for a few letters.", t.autocomplete)
	}
	b.addResources()
	b.addPrompt()
	return s
}

func reading[In any](s *mcp.Server, name, description string, h mcp.ToolHandlerFor[In, any]) {
	mcp.AddTool(s, &mcp.Tool{Name: name, Description: description, Annotations: &mcp.ToolAnnotations{ReadOnlyHint: true}}, h)
}

func writing[In any](s *mcp.Server, name, description string, h mcp.ToolHandlerFor[In, any]) {
	mcp.AddTool(s, &mcp.Tool{Name: name, Description: description}, h)
}

// tools holds what the tools of all models share.
type tools struct {
	data   *data
	server *mcp.Server
}

func (t *tools) findModels(_ context.Context, _ *mcp.CallToolRequest, in findInput) (*mcp.CallToolResult, any, error) {
	found := []map[string]string{}
	for _, m := range t.data.models {
		if strings.Contains(m.Name, strings.ToLower(in.Query)) {
			found = append(found, map[string]string{"model_name": m.Name, "app_label": app, "verbose_name_plural": m.Plural})
		}
	}
	return nil, map[string]any{"count": len(found), "models": found}, nil
}

// modelTools are the tools of one model.
type modelTools struct {
	*tools
	model *model
}

func (t *modelTools) list(_ context.Context, _ *mcp.CallToolRequest, in listInput) (*mcp.CallToolResult, any, error) {
	var orderBy string
	if len(in.OrderBy) > 0 {
		orderBy = in.OrderBy[0]
	}
	all := t.data.list(t.model, in.Search, in.Filters, orderBy)
	return nil, map[string]any{"count": len(all), "results": page(all, in.Offset, in.Limit, 100)}, nil
}

// page returns at most limit of all from offset on; never nil, which would be
// null in JSON.
func page[T any](all []T, offset, limit, defaultLimit int) []T {
	if limit <= 0 {
		limit = defaultLimit
	}
	from := min(max(offset, 0), len(all))
	return append([]T{}, all[from:min(from+limit, len(all))]...)
}

func (t *modelTools) get(_ context.Context, _ *mcp.CallToolRequest, in idInput) (*mcp.CallToolResult, any, error) {
	r, err := t.data.get(t.model, in.ID)
	return nil, r, err
}

func (t *modelTools) describe(context.Context, *mcp.CallToolRequest, noInput) (*mcp.CallToolResult, any, error) {
	return nil, map[string]any{"app_label": app, "model": t.model}, nil
}

func (t *modelTools) create(ctx context.Context, req *mcp.CallToolRequest, in createInput) (*mcp.CallToolResult, any, error) {
	r, err := t.data.create(t.model, in.Data)
	if err != nil {
		return nil, nil, err
	}
	t.tell(ctx, req, "created", r["id"].(int))
	return nil, r, nil
}

func (t *modelTools) update(ctx context.Context, req *mcp.CallToolRequest, in updateInput) (*mcp.CallToolResult, any, error) {
	r, err := t.data.update(t.model, in.ID, in.Data)
	if err != nil {
		return nil, nil, err
	}
	t.tell(ctx, req, "changed", in.ID)
	return nil, r, nil
}

func (t *modelTools) delete(ctx context.Context, req *mcp.CallToolRequest, in idInput) (*mcp.CallToolResult, any, error) {
	if err := t.data.delete(t.model, in.ID); err != nil {
		return nil, nil, err
	}
	t.tell(ctx, req, "deleted", in.ID)
	return nil, map[string]any{"deleted": in.ID}, nil
}

func (t *modelTools) actions(context.Context, *mcp.CallToolRequest, noInput) (*mcp.CallToolResult, any, error) {
	return nil, map[string]any{"actions": t.actionNames()}, nil
}

func (t *modelTools) actionNames() []string {
	names := []string{"delete_selected"}
	if t.model.Name == "article" {
		names = append(names, "publish", "unpublish")
	}
	return names
}

func (t *modelTools) action(ctx context.Context, req *mcp.CallToolRequest, in actionInput) (*mcp.CallToolResult, any, error) {
	if !slices.Contains(t.actionNames(), in.Action) {
		return nil, nil, fmt.Errorf("unknown action %q", in.Action)
	}
	for i, id := range in.IDs {
		var err error
		word := "changed"
		if in.Action == "delete_selected" {
			word, err = "deleted", t.data.delete(t.model, id)
		} else {
			_, err = t.data.update(t.model, id, record{"published": in.Action == "publish"})
		}
		if err != nil {
			return nil, nil, err
		}
		t.tell(ctx, req, word, id)
		progress(ctx, req, i+1, len(in.IDs))
	}
	return nil, map[string]any{"action": in.Action, "count": len(in.IDs)}, nil
}

func (t *modelTools) bulk(ctx context.Context, req *mcp.CallToolRequest, in bulkInput) (*mcp.CallToolResult, any, error) {
	if !slices.Contains([]string{"create", "update", "delete"}, in.Operation) {
		return nil, nil, fmt.Errorf("operation must be create, update or delete, not %q", in.Operation)
	}
	results := []any{}
	for i, item := range in.Items {
		id, err := t.bulkItem(in.Operation, item)
		if err != nil {
			results = append(results, map[string]any{"error": err.Error()})
		} else {
			results = append(results, map[string]any{"id": id})
			t.tell(ctx, req, map[string]string{"create": "created", "update": "changed", "delete": "deleted"}[in.Operation], id)
		}
		progress(ctx, req, i+1, len(in.Items))
	}
	return nil, map[string]any{"operation": in.Operation, "results": results}, nil
}

func (t *modelTools) bulkItem(operation string, item any) (int, error) {
	if operation == "delete" {
		id, ok := asID(item)
		if !ok {
			return 0, fmt.Errorf("%v is not an id", item)
		}
		return id, t.data.delete(t.model, id)
	}
	fields, ok := item.(map[string]any)
	if !ok {
		return 0, fmt.Errorf("%v is not an object", item)
	}
	if operation == "create" {
		r, err := t.data.create(t.model, fields)
		if err != nil {
			return 0, err
		}
		return r["id"].(int), nil
	}
	id, ok := asID(fields["id"])
	changes, isObject := fields["data"].(map[string]any)
	if !ok || !isObject {
		return 0, fmt.Errorf("an update needs id and data")
	}
	_, err := t.data.update(t.model, id, changes)
	return id, err
}

func (t *modelTools) related(_ context.Context, _ *mcp.CallToolRequest, in relatedInput) (*mcp.CallToolResult, any, error) {
	r, err := t.data.get(t.model, in.ID)
	if err != nil {
		return nil, nil, err
	}
	results := []record{}
	if t.model.Name == "author" {
		results = t.data.list(t.data.model("article"), "", record{"author": in.ID}, "")
	} else if id, ok := r["author"].(int); ok {
		author, err := t.data.get(t.data.model("author"), id)
		if err != nil {
			return nil, nil, err
		}
		results = append(results, author)
	}
	return nil, map[string]any{"count": len(results), "results": page(results, 0, 0, 100)}, nil
}

func (t *modelTools) history(_ context.Context, _ *mcp.CallToolRequest, in idInput) (*mcp.CallToolResult, any, error) {
	return nil, map[string]any{"history": t.data.changes(t.model, in.ID)}, nil
}

func (t *modelTools) autocomplete(_ context.Context, _ *mcp.CallToolRequest, in autocompleteInput) (*mcp.CallToolResult, any, error) {
	results := []map[string]any{}
	for _, r := range page(t.data.list(t.model, in.Term, nil, ""), 0, in.Limit, 20) {
		results = append(results, map[string]any{"id": r["id"], "text": r[t.model.display]})
	}
	return nil, map[string]any{"results": results}, nil
}
