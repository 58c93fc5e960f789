package caddymodule

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/mcptoken/caddy-mcp-token/policy"
	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

func TestProvisioningOpensNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	store := &BboltStore{Path: filepath.Join(dir, "tokens.db")}
	if err := store.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	app := &App{store: store}
	if err := app.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("the directory exists (%v)", err)
	}
}

func TestConfigsOverOneDatabaseShareItsService(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "real"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	old := newApp(t, filepath.Join(dir, "real", "tokens.db"))
	fresh := newApp(t, filepath.Join(dir, "link", ".", "tokens.db"))
	a, err := old.Service()
	if err != nil {
		t.Fatal(err)
	}
	b, err := fresh.Service()
	if err != nil {
		t.Fatal(err)
	}
	if a != b {
		t.Error("two services over one database")
	}
	if err := old.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Token("tok_none"); err != tokenstore.ErrNotFound {
		t.Errorf("the service has gone with the old config: %v", err)
	}
	if err := fresh.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := b.CreateToken(t.Context(), admin, tokenstore.NewToken{Name: "late"}); err == nil {
		t.Error("the database is open after its last config")
	}
	if _, ok := gateways.References("bbolt:" + filepath.Join(dir, "real", "tokens.db")); ok {
		t.Error("a reference is left")
	}
}

func TestAConfigThatIsGoneOpensNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.db")
	app := newApp(t, path)
	if err := app.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if _, err := app.Service(); err == nil {
		t.Error("it did")
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the database exists (%v)", err)
	}
}

func TestAReloadAppliesNewSettingsAndItsRollbackTheOld(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.db")
	old, fresh := newApp(t, path), newApp(t, path)
	old.DefaultExpiry, fresh.DefaultExpiry = caddy.Duration(24*time.Hour), caddy.Duration(48*time.Hour)
	expiry := func(name string) time.Duration {
		t.Helper()
		service, err := old.Service()
		if err != nil {
			t.Fatal(err)
		}
		record, _, err := service.CreateToken(t.Context(), admin, tokenstore.NewToken{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		return record.ExpiresAt.Sub(record.CreatedAt).Round(time.Hour)
	}
	if err := old.Start(); err != nil {
		t.Fatal(err)
	}
	if got := expiry("before"); got != 24*time.Hour {
		t.Errorf("before the reload: %v", got)
	}
	if err := fresh.Start(); err != nil {
		t.Fatal(err)
	}
	if got := expiry("after"); got != 48*time.Hour {
		t.Errorf("after the reload: %v", got)
	}
	if err := fresh.Cleanup(); err != nil {
		t.Fatal(err)
	}
	if got := expiry("rolled back"); got != 24*time.Hour {
		t.Errorf("after the rollback: %v", got)
	}
}

func TestADatabaseThatCannotBeOpenedFailsTheStartWithItsName(t *testing.T) {
	dir := t.TempDir()
	app := newApp(t, dir) // a directory
	if err := app.Start(); err == nil || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v does not name the file", err)
	}
}

func TestRoutesAreNamedByThemselvesOrByTheirSettings(t *testing.T) {
	var a, b routes
	handlers := []*Handler{
		{Config: policy.Config{Require: []string{"b.b"}}},
		{Config: policy.Config{Require: []string{"a.a"}}},
		{Config: policy.Config{Name: "route-1", Require: []string{"c.c"}}},
		{Config: policy.Config{Require: []string{"a.a"}}}, // the same site on another port
	}
	for i := range handlers {
		if err := a.add(handlers[i]); err != nil {
			t.Fatal(err)
		}
		if err := b.add(handlers[len(handlers)-1-i]); err != nil {
			t.Fatal(err)
		}
	}
	for i, want := range []string{"route-3", "route-2", "route-1", "route-2"} {
		if x, y := a.name(handlers[i]), b.name(handlers[i]); x != want || y != want {
			t.Errorf("handler %d is called %s and %s, want %s", i, x, y, want)
		}
	}
	if n := len(a.list()); n != 3 {
		t.Errorf("%d routes, want 3", n)
	}
	if err := a.add(&Handler{Config: policy.Config{Name: "route-1"}}); err == nil {
		t.Error("two routes may have one name")
	}
}

func TestMetricsCountOnOverReloads(t *testing.T) {
	r := newRig(t, "require a.b")
	_, secret := r.token("a.b")
	sum := func() (refused, tokens float64) {
		t.Helper()
		registry := prometheus.NewPedanticRegistry() // as each config gets one
		for range 2 {
			if err := registerMetrics(registry, r.app); err != nil {
				t.Fatal(err)
			}
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			for _, metric := range family.Metric {
				labels := map[string]string{}
				for _, label := range metric.Label {
					labels[label.GetName()] = label.GetValue()
				}
				switch {
				case family.GetName() == "caddy_mcp_token_requests_total" && labels["result"] == "refused" && labels["reason"] == "missing":
					refused = metric.Counter.GetValue()
				case family.GetName() == "caddy_mcp_token_tokens" && labels["status"] == "active":
					tokens = metric.Gauge.GetValue()
				}
			}
		}
		return refused, tokens
	}
	before, _ := sum()
	r.get("/mcp")
	r.get("/mcp", bearer(secret))
	after, tokens := sum()
	if after-before != 1 || tokens != 1 {
		t.Errorf("counted %v refusals and %v tokens", after-before, tokens)
	}
}

func TestTheJSONOfAHandlerIsStrict(t *testing.T) {
	var h Handler
	if err := caddy.StrictUnmarshalJSON([]byte(`{"require":["a.b"],"rules":[{"kind":"tool","match":["x"],"effect":"allow"}],"realm":"r"}`), &h); err != nil {
		t.Fatal(err)
	}
	if len(h.Require) != 1 || len(h.Rules) != 1 || h.Realm != "r" {
		t.Errorf("%+v", h)
	}
	if err := caddy.StrictUnmarshalJSON([]byte(`{"requires":["a.b"]}`), &h); err == nil {
		t.Error("an unknown member is accepted")
	}
	text, err := json.Marshal(&Handler{Config: policy.Config{Require: []string{"a.b"}}})
	if err != nil || string(text) != `{"require":["a.b"]}` {
		t.Errorf("%s, %v", text, err)
	}
}
