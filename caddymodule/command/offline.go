package command

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"os/user"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/mcptoken/caddy-mcp-token/adminapi"
	"github.com/mcptoken/caddy-mcp-token/caddymodule"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// storeAt is the configuration of an app whose tokens are in the database file
// at path.
func storeAt(path string) json.RawMessage {
	text, _ := json.Marshal(map[string]any{"store": map[string]string{"backend": "bbolt", "path": path}})
	return text
}

// openStore returns a client of the API in this process, over the store that
// the app's configuration names. It goes the way of a server: the same module
// opens the store, the same handler answers. why says what keeps a server from
// being asked; empty if that is what the user wants.
func (c *cli) openStore(appConfig json.RawMessage, why string, create bool) (*client, error) {
	if appConfig == nil {
		appConfig = json.RawMessage("{}")
	}
	path := storePath(appConfig)
	isNew, err := isMissing(path)
	switch {
	case err != nil:
		return nil, serverf("%v.", err)
	case isNew && !create && why != "":
		return nil, serverf("There is no database at %s, and %s. Say by --address or --config where the gateway is, or by --store where the database is.", path, why)
	case isNew && !create:
		return nil, serverf("There is no database at %s.", path)
	}
	caddyCtx, err := caddy.ProvisionContext(&caddy.Config{
		Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
			"default": {BaseLog: caddy.BaseLog{Level: zap.WarnLevel.CapitalString()}},
		}},
		AppsRaw: caddy.ModuleMap{"mcp_token": appConfig},
	})
	if err != nil {
		return nil, serverf("%v", err)
	}
	loaded, err := caddyCtx.App("mcp_token")
	if err != nil {
		return nil, serverf("%v", err)
	}
	app := loaded.(*caddymodule.App)
	if _, err := app.Service(); err != nil {
		_ = app.Cleanup()
		return nil, openError(err, path, why)
	}
	c.sayOffline(path, why, isNew)
	api := adminapi.API{
		Service: app.Service,
		Routes:  func() []adminapi.Route { return nil }, // they are in the server
		Actor:   actor,
		Logger:  zap.NewNop(),
	}
	return &client{
		http:  &http.Client{Transport: inProcess{api.Handler()}, CheckRedirect: noRedirects},
		base:  "http://offline.invalid",
		where: "The database",
		close: func() {
			if err := app.Cleanup(); err != nil {
				c.sayf("Closing the database: %v", err)
			}
		},
	}, nil
}

// actor is who sits at the terminal: who can write to the database file may do
// everything, and the audit trail has the name.
func actor(*http.Request) (tokenstore.Actor, error) {
	return tokenstore.Actor{ActorInfo: tokenstore.ActorInfo{Type: tokenstore.ActorCLI, Name: username()}}, nil
}

// username is who runs this process; empty if the system does not know.
func username() string {
	u, err := user.Current()
	if err != nil {
		return ""
	}
	return u.Username
}

// storePath is the file in which the app with that configuration keeps its
// tokens; empty if it is not kept in a file.
func storePath(appConfig json.RawMessage) string {
	var app struct {
		Store struct {
			Backend string `json:"backend"`
			caddymodule.BboltStore
		} `json:"store"`
	}
	if json.Unmarshal(appConfig, &app) != nil || (app.Store.Backend != "" && app.Store.Backend != "bbolt") {
		return ""
	}
	if app.Store.Provision(caddy.Context{}) != nil { // makes the path absolute
		return ""
	}
	return app.Store.Path
}

// isMissing reports whether there is no file at path; an empty path stands for
// a store that is no file.
func isMissing(path string) (bool, error) {
	if path == "" {
		return false, nil
	}
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	return false, err
}

// openError says what to do about a store that cannot be opened.
func openError(err error, path, why string) error {
	switch {
	case !errors.Is(err, tokenstore.ErrInUse):
		return serverf("%v.", err)
	case why != "":
		return serverf("The database %s is in use by another process, probably a running gateway, but %s. Say by --address or --config where its admin endpoint is, or stop it.", path, why)
	}
	return serverf("The database %s is in use by another process, probably a running gateway. Leave out --store to go through its admin endpoint, or stop it.", path)
}

// sayOffline says that no gateway was asked, and what was opened instead.
func (c *cli) sayOffline(path, why string, isNew bool) {
	what := "opened"
	if isNew {
		what = "made"
	}
	if path == "" {
		path = "the store of the configuration"
	}
	if why != "" {
		why = why + ", so "
	}
	c.sayf("Offline: %s%s is %s directly.", why, path, what)
}
