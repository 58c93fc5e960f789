package caddymodule

import (
	"context"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// gateways holds what outlives a configuration, by the identity of its store:
// two configs overlap during a reload, and a database can be opened once.
var gateways = caddy.NewUsagePool()

// gateway is the service over one store and whatever else is counted per token
// or per client, shared by all configurations that name the store.
type gateway struct {
	*tokenstore.Service

	rates    buckets  // requests, by token
	failures buckets  // wrong credentials, by client address
	streams  counters // running requests, by token

	mu     sync.Mutex
	apps   []*App // in the order they came; the last one's settings hold
	signer *assertor
}

// acquire returns the gateway of a's store and the key to give it back with.
func acquire(a *App) (key string, g *gateway, err error) {
	key, err = a.store.Identity()
	if err != nil {
		return "", nil, err
	}
	value, _, err := gateways.LoadOrNew(key, func() (caddy.Destructor, error) {
		return open(a)
	})
	if err != nil {
		return "", nil, err
	}
	g = value.(*gateway)
	g.join(a)
	return key, g, nil
}

func open(a *App) (*gateway, error) {
	// The service outlives the config that opens it, so not the config's context.
	ctx := context.Background()
	store, err := a.store.Open(ctx)
	if err != nil {
		return nil, err
	}
	service, err := tokenstore.Open(ctx, store, a.options())
	if err != nil {
		_ = store.Close()
		return nil, err
	}
	return &gateway{Service: service}, nil
}

// Destruct closes the store when its last configuration is gone. It ends the
// requests that still run on it: nothing lives on that could not be revoked.
func (g *gateway) Destruct() error { return g.Close() }

func (g *gateway) join(a *App) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.apps = append(g.apps, a)
	g.Configure(a.options())
}

// leave applies the settings of the config that remains: after a reload that
// was rolled back it is the old one.
func (g *gateway) leave(a *App) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.apps = slices.DeleteFunc(g.apps, func(b *App) bool { return a == b })
	if n := len(g.apps); n > 0 {
		g.Configure(g.apps[n-1].options())
	}
}

// assertor is made on first use, so that a store without assertions has no key
// for them.
func (g *gateway) assertor(ctx context.Context) (*assertor, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.signer == nil {
		signer, err := newAssertor(ctx, g.Service)
		if err != nil {
			return nil, err
		}
		g.signer = signer
	}
	return g.signer, nil
}
