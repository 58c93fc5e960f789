package integration

import (
	"context"
	"errors"
	"sync"
)

// sharedSite is the site of the gateway that most tests share: one path per
// requirement.
const sharedSite = `
route /read* {
	mcp_token require blog.view_article
	reverse_proxy {$UPSTREAM}
}
route /both* {
	mcp_token require blog.view_article blog.change_article
	reverse_proxy {$UPSTREAM}
}
route /either* {
	mcp_token {
		require_any blog.add_article blog.change_article
	}
	reverse_proxy {$UPSTREAM}
}
route /manage* {
	mcp_token require mcp_token.view_token
	reverse_proxy {$UPSTREAM}
}
route {
	mcp_token require blog.view_article
	reverse_proxy {$UPSTREAM}
}
`

// fixture is the shared gateway and its upstream.
type fixture struct {
	*gateway
	upstream *recorder
	close    func() error
}

var fixtures struct {
	sync.Mutex
	current *fixture
	err     error
}

// shared returns the gateway that most tests share. They make tokens of their
// own and leave its configuration alone.
func shared(t tb) *fixture {
	t.Helper()
	fixtures.Lock()
	defer fixtures.Unlock()
	if fixtures.current == nil && fixtures.err == nil {
		fixtures.current, fixtures.err = launchShared()
	}
	if fixtures.err != nil {
		t.Fatal(fixtures.err)
	}
	return fixtures.current
}

func launchShared() (*fixture, error) {
	upstream, closeUpstream, err := newRecorder()
	if err != nil {
		return nil, err
	}
	// Not t's context: the gateway outlives the test that asks for it first.
	g, err := launch(context.Background(), site(upstream.sites(sharedSite)))
	if err != nil {
		return nil, errors.Join(err, closeUpstream())
	}
	return &fixture{g, upstream, closeUpstream}, nil
}

// stopShared ends the shared gateway, if there is one.
func stopShared() error {
	fixtures.Lock()
	defer fixtures.Unlock()
	if fixtures.current == nil {
		return nil
	}
	return errors.Join(fixtures.current.stop(), fixtures.current.close())
}

// send adds a case's name to a raw request, sends it, and returns the answer
// and what reached the upstream.
func (f *fixture) send(t tb, request string) (answer, []seen) {
	t.Helper()
	return send(t, f.gateway, f.upstream, request)
}

// refuses sends a raw request that must be refused before the upstream.
func (f *fixture) refuses(t tb, request string, want ...refusal) answer {
	t.Helper()
	a, reached := f.send(t, request)
	if len(reached) != 0 {
		t.Fatalf("it reached the upstream: %q", reached[0].head)
	}
	a.check(t, want...)
	return a
}

// passes sends a raw request that must reach the upstream, and returns what
// did.
func (f *fixture) passes(t tb, request string) seen {
	t.Helper()
	a, reached := f.send(t, request)
	if a.status != 200 || len(reached) != 1 {
		t.Fatalf("status %d, %d requests upstream, challenge %q, body %.300q", a.status, len(reached), a.header["Www-Authenticate"], a.body)
	}
	return reached[0]
}
