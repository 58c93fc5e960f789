package command

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig"

	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func TestTheGatewayListensOnLoopbackUnlessAnotherAddressIsNamed(t *testing.T) {
	for _, tt := range []struct{ from, url, bind string }{
		{"127.0.0.1:8080", "http://127.0.0.1:8080/mcp", "127.0.0.1"},
		{":8080", "http://127.0.0.1:8080/mcp", "127.0.0.1"},
		{"localhost:8080", "http://127.0.0.1:8080/mcp", "127.0.0.1"},
		{"[::1]:8080", "http://[::1]:8080/mcp", "::1"},
		{"http://localhost", "http://127.0.0.1/mcp", "127.0.0.1"},
		{"https://localhost:8443", "https://127.0.0.1:8443/mcp", "127.0.0.1"},
		{"mcp.example.com", "https://mcp.example.com/mcp", ""},
		{"mcp.example.com:8443", "https://mcp.example.com:8443/mcp", ""},
		{"http://mcp.example.com:8080", "http://mcp.example.com:8080/mcp", ""},
		{"192.0.2.1", "https://192.0.2.1/mcp", "192.0.2.1"},
		{"http://0.0.0.0:8080", "http://0.0.0.0:8080/mcp", "0.0.0.0"},
	} {
		s, err := parseSite(tt.from)
		s.path = "/mcp"
		if err != nil || s.url() != tt.url || s.bind != tt.bind {
			t.Errorf("%s is served as %s on %q (%v), want %s on %q", tt.from, s.url(), s.bind, err, tt.url, tt.bind)
		}
	}
	for _, from := range []string{"0.0.0.0:8080", "127.0.0.1:8080/mcp", "ftp://localhost", "localhost:80a"} {
		if s, err := parseSite(from); err == nil {
			t.Errorf("%s is served as %s", from, s.url())
		}
	}
}

func TestAnUnencryptedNetworkAddressIsWarnedOf(t *testing.T) {
	for from, want := range map[string]bool{
		":8080": false, "[::1]:80": false, "mcp.example.com": false,
		"http://mcp.example.com": true, "http://0.0.0.0:8080": true, "http://192.0.2.1": true,
	} {
		if s, err := parseSite(from); err != nil || s.exposed() != want {
			t.Errorf("%s: %v, %v", from, s.exposed(), err)
		}
	}
}

func TestAnUpstreamIsAURLWithItsPath(t *testing.T) {
	for _, tt := range []struct{ to, upstream, path string }{
		{"http://127.0.0.1:9000", "http://127.0.0.1:9000", "/mcp"},
		{"127.0.0.1:9000", "http://127.0.0.1:9000", "/mcp"},
		{"localhost:9000/api/mcp", "http://localhost:9000", "/api/mcp"},
		{"https://mcp.example.com/", "https://mcp.example.com", "/mcp"},
	} {
		upstream, path, err := parseUpstream(tt.to)
		if err != nil || upstream != tt.upstream || path != tt.path {
			t.Errorf("%s is %s and %s (%v)", tt.to, upstream, path, err)
		}
	}
	for _, to := range []string{"", "ftp://x", "http://", "http://user:pw@host", "http://host/?a=b", "http://h{env.X}", "http://a b"} {
		if upstream, path, err := parseUpstream(to); err == nil {
			t.Errorf("%q is %s and %s", to, upstream, path)
		}
	}
}

func TestEveryGatewayIsAValidCaddyfile(t *testing.T) {
	for _, tt := range []struct {
		from string
		g    gateway
		want []string
	}{
		{"127.0.0.1:8080", gateway{store: "/tmp/a b.db"}, []string{`"path":"/tmp/a b.db"`, `"listen":["127.0.0.1:8080"]`, `"grace_period":2000000000`, `"level":"WARN"`}},
		{"127.0.0.1:8080", gateway{store: `/tmp/"q".db`, require: []string{"blog.view_article", "blog.add_article"}}, []string{`"require":["blog.view_article","blog.add_article"]`, `"path":"/tmp/\"q\".db"`}},
		{"127.0.0.1:8080", gateway{store: "/tmp/x.db", demo: true}, []string{`bulk_*`, `args.operation == \"delete\"`}},
		{"127.0.0.1:8080", gateway{store: "/tmp/x.db", debug: true, accessLog: true}, []string{`"level":"DEBUG"`, `"logs":{"default_logger_name":"log0"}`}},
		{"mcp.example.com", gateway{store: "/tmp/x.db"}, []string{`"host":["mcp.example.com"]`, `"listen":[":443"]`}},
		{"192.0.2.1:8443", gateway{store: "/tmp/x.db"}, []string{`"listen":["192.0.2.1:8443"]`}},
		{"https://localhost:8443", gateway{store: "/tmp/x.db"}, []string{`"listen":["127.0.0.1:8443"]`}},
	} {
		s, err := parseSite(tt.from)
		if err != nil {
			t.Fatal(err)
		}
		s.upstream, tt.g.admin = "http://127.0.0.1:9000", "localhost:2019"
		text, err := tt.g.caddyfile(s)
		if err != nil {
			t.Fatal(err)
		}
		config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), map[string]any{"filename": "Caddyfile"})
		if err != nil || len(warnings) > 0 {
			t.Fatalf("%v %v in\n%s", err, warnings, text)
		}
		for _, want := range tt.want {
			if !strings.Contains(string(config), want) {
				t.Errorf("%s is not in\n%s", want, config)
			}
		}
	}
	if _, err := (gateway{store: "/tmp/{env.HOME}.db"}).caddyfile(site{}); err == nil {
		t.Error("a placeholder gets into the configuration")
	}
}
