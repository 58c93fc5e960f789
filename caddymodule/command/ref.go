package command

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// A found token is a token as the API has it now.
type found struct {
	tokenstore.Record
	raw  []byte
	etag string
}

// find returns the token that ref names: its id, its key in any form in which
// it is shown, or its exact name.
func find(ctx context.Context, api *client, ref string) (found, error) {
	if _, err := tokenstore.ParseSecret(ref); err == nil {
		return found{}, usagef("That is a whole secret, and command lines can be read by others: " +
			"rotate the token. Name it by its id, its name or its key, which is the part before the dot.")
	}
	key := strings.TrimPrefix(ref, "mcp_")
	// A reference that could be an id or key usually is one; a name may look
	// the same, though.
	if !strings.ContainsAny(key, "/. …") && key != "" {
		t, err := fetch(ctx, api, key)
		if err == nil || !isProblem(err, http.StatusNotFound) {
			return t, classed(err)
		}
	}
	id, err := search(ctx, api, ref, key)
	if err != nil {
		return found{}, err
	}
	t, err := fetch(ctx, api, id)
	return t, classed(err)
}

// fetch reads one token by id or key.
func fetch(ctx context.Context, api *client, id string) (found, error) {
	ans, err := api.do(ctx, get("tokens", id))
	if err != nil {
		return found{}, err
	}
	t := found{raw: ans.body, etag: ans.etag}
	return t, ans.decode(&t.Record)
}

// search looks for the token called name, or with the only key that begins with
// key if that is cut off by an ellipsis as tables show it.
func search(ctx context.Context, api *client, name, key string) (id string, err error) {
	prefix, isPrefix := strings.CutSuffix(key, "…")
	if !isPrefix {
		prefix, isPrefix = strings.CutSuffix(key, "...")
	}
	for _, q := range []string{name, prefix} {
		tokens, err := list[tokenstore.Record](ctx, api, "tokens", url.Values{"q": {q}}, everything)
		if err != nil {
			return "", err
		}
		var begins []tokenstore.Record
		for _, t := range tokens.items {
			if t.Name == name {
				return t.ID, nil
			}
			if isPrefix && strings.HasPrefix(t.Key, prefix) {
				begins = append(begins, t)
			}
		}
		switch {
		case len(begins) == 1:
			return begins[0].ID, nil
		case len(begins) > 1:
			return "", failedf("%s begins the keys of %d tokens. Use the id or the name.", name, len(begins))
		case !isPrefix:
			return "", failedf("There is no token with the id, key or name %q.", name)
		}
	}
	return "", failedf("There is no token with the id, key or name %q.", name)
}

// completeTokens completes the names of tokens, if a server answers.
func (c *cli) completeTokens(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.complete(cmd, "tokens", largestPage, func(t named) string { return t.Name })
}

// completeGroups completes the names of groups.
func (c *cli) completeGroups(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.complete(cmd, "groups", unpaged, func(g named) string { return g.Name })
}

// completePermissions completes the permissions that are in use.
func (c *cli) completePermissions(cmd *cobra.Command, _ []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	return c.complete(cmd, "permissions", unpaged, func(p named) string { return p.Permission })
}

// named is the part of an object of the API that completes a word.
type named struct {
	Name       string `json:"name"`
	Permission string `json:"permission"`
}

// complete never opens a database: pressing Tab must not lock out a gateway
// that is about to start.
func (c *cli) complete(cmd *cobra.Command, path string, limit int, word func(named) string) ([]cobra.Completion, cobra.ShellCompDirective) {
	const directive = cobra.ShellCompDirectiveNoFileComp
	config, err := c.loadConfig()
	if err != nil || c.store != "" {
		return nil, directive
	}
	api, err := dial(c.adminAddress(config))
	if err != nil {
		return nil, directive
	}
	defer api.close()
	items, err := list[named](cmd.Context(), api, path, nil, limit)
	if err != nil {
		return nil, directive
	}
	var words []cobra.Completion
	for _, item := range items.items {
		words = append(words, word(item))
	}
	return words, directive
}
