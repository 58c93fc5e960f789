package adminapi

import (
	"net/http"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// serverEndpoints tell of the gateway itself.
func serverEndpoints() []endpoint {
	return []endpoint{
		replies(endpoint{
			method: "GET", path: "/stats", id: "getStats",
			summary: "Count tokens by state, groups and live requests",
			right:   tokenstore.RightViewToken,
			status:  http.StatusOK,
		}, (*call).stats),
		replies(endpoint{
			method: "GET", path: "/health", id: "getHealth",
			summary:     "Is the gateway able to decide?",
			description: "Needs no credential. 503 while the token store is not available.",
			open:        true,
			status:      http.StatusOK,
		}, (*call).health),
		replies(endpoint{
			method: "GET", path: "/backup", id: "getBackup",
			summary: "Copy the whole store",
			description: "A consistent copy in the store's own format, taken while the gateway runs. It holds hashes: " +
				"keep it as you keep the store.",
			right:    tokenstore.RightExport,
			status:   http.StatusOK,
			produces: "application/octet-stream",
		}, (*call).backup),
		replies(endpoint{
			method: "GET", path: "/openapi.json", id: "getDocument",
			summary: "This document",
			status:  http.StatusOK,
		}, (*call).openAPI),
	}
}

func (c *call) stats() (tokenstore.Stats, error) { return c.service.Stats(), nil }

// healthy is all that strangers learn about the gateway.
type healthy struct {
	Status string `json:"status"`
}

func (c *call) health() (healthy, error) { return healthy{Status: "ok"}, nil }

func (c *call) backup() (nothing, error) {
	h := c.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", `attachment; filename="tokens.db"`)
	if c.r.Method == http.MethodHead {
		c.written = true
		return nothing{}, nil
	}
	body := &begun{ResponseWriter: c.w}
	err := c.service.Backup(c.r.Context(), c.actor, body)
	c.written = err == nil
	if err != nil && body.yes {
		// Half a backup must not look like a whole one.
		panic(http.ErrAbortHandler)
	}
	return nothing{}, err
}

// begun remembers whether a response has begun, after which no problem can be
// told any more.
type begun struct {
	http.ResponseWriter
	yes bool
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(p)
}
