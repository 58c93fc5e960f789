package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func init() {
	caddy.RegisterModule(new(App))
}

// App is the global option mcp_token: it says where tokens are kept and what
// new tokens are like. A config whose sites use the mcp_token directive has one
// even if it does not write it; then everything is at its default.
type App struct {
	// StoreRaw says where tokens are kept. The default is
	// {"backend": "bbolt"}: a database below Caddy's data directory.
	StoreRaw json.RawMessage `json:"store,omitempty" caddy:"namespace=mcp_token.stores inline_key=backend"`

	// DefaultExpiry is the lifetime of a token for which none is asked. The
	// default is 90 days.
	DefaultExpiry caddy.Duration `json:"default_expiry,omitempty"`

	// MaxExpiry is the longest lifetime that may be asked for; with it, tokens
	// that never expire cannot be made. The default is no limit.
	MaxExpiry caddy.Duration `json:"max_expiry,omitempty"`

	// LastUsedFlush is how often times of last use are written to the store:
	// what a crash can lose of them. The default is 5 seconds.
	LastUsedFlush caddy.Duration `json:"last_used_flush,omitempty"`

	// AuditRetention is how long the audit trail is kept. The default is 400
	// days.
	AuditRetention caddy.Duration `json:"audit_retention,omitempty"`

	store  StoreModule
	logger *slog.Logger // of the service
	routes routes

	// opened is set on first use, and stays set after Cleanup so that requests
	// which outlive their config can finish.
	opened atomic.Pointer[gateway]

	mu     sync.Mutex
	key    string // of the held gateway in the pool
	closed bool
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "mcp_token",
		New: func() caddy.Module { return new(App) },
	}
}

// Provision loads the store's module. It opens nothing: "caddy validate"
// provisions too, while a server may hold the database.
func (a *App) Provision(ctx caddy.Context) error {
	a.logger = ctx.Slogger()
	if len(a.StoreRaw) == 0 {
		a.StoreRaw = json.RawMessage(`{"backend":"bbolt"}`)
	}
	module, err := ctx.LoadModule(a, "StoreRaw")
	if err != nil {
		return fmt.Errorf("loading the token store's module: %w", err)
	}
	store, ok := module.(StoreModule)
	if !ok {
		return fmt.Errorf("%T is not a token store", module)
	}
	a.store = store
	return registerMetrics(ctx.GetMetricsRegistry(), a)
}

// Validate checks the durations.
func (a *App) Validate() error {
	for name, d := range map[string]caddy.Duration{
		"default_expiry":  a.DefaultExpiry,
		"max_expiry":      a.MaxExpiry,
		"last_used_flush": a.LastUsedFlush,
		"audit_retention": a.AuditRetention,
	} {
		if d < 0 {
			return fmt.Errorf("%s must not be negative", name)
		}
	}
	if a.MaxExpiry > 0 && a.DefaultExpiry > a.MaxExpiry {
		return fmt.Errorf("default_expiry %s is longer than max_expiry %s",
			time.Duration(a.DefaultExpiry), time.Duration(a.MaxExpiry))
	}
	return nil
}

// Start opens the token store, so that a store that cannot be opened fails the
// reload and not the first request.
func (a *App) Start() error {
	_, err := a.gateway()
	return err
}

// Stop does nothing: requests may still be running. See Cleanup.
func (a *App) Stop() error { return nil }

// Cleanup gives the store back. It runs after the HTTP servers have drained on
// exit, and also for an app that was never started.
func (a *App) Cleanup() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = true
	if a.key == "" {
		return nil
	}
	key := a.key
	a.key = ""
	a.opened.Load().leave(a)
	_, err := gateways.Delete(key)
	return err
}

// Service returns the token service, and opens it on first use: Caddy starts
// apps in no order, so the HTTP app may be here first.
func (a *App) Service() (*tokenstore.Service, error) {
	g, err := a.gateway()
	if err != nil {
		return nil, err
	}
	return g.Service, nil
}

// errStopped is what an app answers that was cleaned up before it opened its
// store; opening it now would leak the reference.
var errStopped = errors.New("the configuration that this request came to is no longer in use")

func (a *App) gateway() (*gateway, error) {
	if g := a.opened.Load(); g != nil {
		return g, nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.opened.Load(); g != nil {
		return g, nil
	}
	if a.closed {
		return nil, errStopped
	}
	key, g, err := acquire(a)
	if err != nil {
		return nil, err
	}
	a.key = key
	a.opened.Store(g)
	return g, nil
}

// options are what a hands to the service.
func (a *App) options() tokenstore.Options {
	return tokenstore.Options{
		DefaultExpiry:  time.Duration(a.DefaultExpiry),
		MaxExpiry:      time.Duration(a.MaxExpiry),
		FlushInterval:  time.Duration(a.LastUsedFlush),
		AuditRetention: time.Duration(a.AuditRetention),
		Logger:         a.logger,
	}
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.Validator    = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
