package blog

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// articleURI is where the articles are as resources, followed by the id.
const articleURI = app + "://article/"

// tell notifies clients of what was done to a record: the caller by a log
// message, subscribers by resource notifications.
func (t *modelTools) tell(ctx context.Context, req *mcp.CallToolRequest, done string, id int) {
	//lint:ignore SA1019 deprecated since 2026-07-28, and what clients of both eras still show
	req.Session.Log(ctx, &mcp.LoggingMessageParams{
		Level: "info", Logger: app, Data: fmt.Sprintf("%s %d %s", t.model.Name, id, done),
	})
	if t.model.Name != "article" {
		return
	}
	switch uri := articleURI + strconv.Itoa(id); done {
	case "created":
		t.addArticle(id)
	case "deleted":
		t.server.RemoveResources(uri)
	default:
		t.server.ResourceUpdated(ctx, &mcp.ResourceUpdatedNotificationParams{URI: uri})
	}
}

// progress reports to a client that asked for it by a progress token.
func progress(ctx context.Context, req *mcp.CallToolRequest, done, total int) {
	if token := req.Params.GetProgressToken(); token != nil {
		req.Session.NotifyProgress(ctx, &mcp.ProgressNotificationParams{
			ProgressToken: token, Progress: float64(done), Total: float64(total),
		})
	}
}

func (t *tools) addResources() {
	for _, r := range t.data.list(t.data.model("article"), "", nil, "") {
		t.addArticle(r["id"].(int))
	}
	t.server.AddResourceTemplate(&mcp.ResourceTemplate{
		Name: "article", Description: "One article as text", MIMEType: "text/plain", URITemplate: articleURI + "{id}",
	}, t.readArticle)
}

func (t *tools) addArticle(id int) {
	uri := articleURI + strconv.Itoa(id)
	t.server.AddResource(&mcp.Resource{Name: "article " + strconv.Itoa(id), MIMEType: "text/plain", URI: uri}, t.readArticle)
}

func (t *tools) readArticle(_ context.Context, req *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	text, err := t.articleText(strings.TrimPrefix(req.Params.URI, articleURI))
	if err != nil {
		return nil, mcp.ResourceNotFoundError(req.Params.URI)
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{
		URI: req.Params.URI, MIMEType: "text/plain", Text: text,
	}}}, nil
}

func (t *tools) addPrompt() {
	t.server.AddPrompt(&mcp.Prompt{
		Name: "summarize_article", Description: "Ask for a summary of one article.",
		Arguments: []*mcp.PromptArgument{{Name: "id", Description: "the article's id", Required: true}},
	}, func(_ context.Context, req *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
		text, err := t.articleText(req.Params.Arguments["id"])
		if err != nil {
			return nil, err
		}
		return &mcp.GetPromptResult{Messages: []*mcp.PromptMessage{{
			Role: "user", Content: &mcp.TextContent{Text: "Summarize this article in one sentence.\n\n" + text},
		}}}, nil
	})
}

func (t *tools) articleText(id string) (string, error) {
	n, err := strconv.Atoi(id)
	if err != nil {
		return "", fmt.Errorf("%q is not an article's id", id)
	}
	r, err := t.data.get(t.data.model("article"), n)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%v\n\n%v\n", r["title"], r["body"]), nil
}
