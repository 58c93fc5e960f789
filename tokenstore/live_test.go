package tokenstore_test

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
)

// ended returns the code with which a session's context has ended, "" if it
// has not.
func ended(t testing.TB, x *tokenstore.Session) string {
	t.Helper()
	err := context.Cause(x.Context())
	if err == nil {
		return ""
	}
	var end *tokenstore.EndedError
	if !errors.As(err, &end) || !errors.Is(err, context.Canceled) {
		t.Fatalf("ended with %v", err)
	}
	return end.Code
}

func TestAnEditEndsTheRequestsThatItLeavesWithoutAValidToken(t *testing.T) {
	ptr := func(b bool) *bool { return &b }
	list := func(s ...string) *[]string { return &s }
	for _, c := range []struct {
		name string
		edit func(b bench, id string) error
		want string
	}{
		{"disabling", func(b bench, id string) error {
			_, err := b.SetActive(b.Context(), root, id, 0, false, "")
			return err
		}, tokenstore.EndedRevoked},
		{"disabling by a patch", func(b bench, id string) error {
			_, err := b.UpdateToken(b.Context(), root, id, 0, tokenstore.TokenPatch{IsActive: ptr(false)})
			return err
		}, tokenstore.EndedRevoked},
		{"deleting", func(b bench, id string) error { return b.DeleteToken(b.Context(), root, id, 0) }, tokenstore.EndedRevoked},
		{"rotating without grace", func(b bench, id string) error {
			_, _, err := b.RotateToken(b.Context(), root, id, 0, tokenstore.RotateOptions{})
			return err
		}, tokenstore.EndedRevoked},
		{"rotating with grace", func(b bench, id string) error {
			_, _, err := b.RotateToken(b.Context(), root, id, 0, tokenstore.RotateOptions{Grace: time.Hour})
			return err
		}, ""},
		{"rotating twice", func(b bench, id string) error {
			for range 2 {
				if _, _, err := b.RotateToken(b.Context(), root, id, 0, tokenstore.RotateOptions{Grace: time.Hour}); err != nil {
					return err
				}
			}
			return nil
		}, tokenstore.EndedRevoked},
		{"finishing the rotation", func(b bench, id string) error {
			if _, _, err := b.RotateToken(b.Context(), root, id, 0, tokenstore.RotateOptions{Grace: time.Hour}); err != nil {
				return err
			}
			_, err := b.FinishRotation(b.Context(), root, id, 0)
			return err
		}, tokenstore.EndedRevoked},
		{"another address", func(b bench, id string) error {
			_, err := b.UpdateToken(b.Context(), root, id, 0, tokenstore.TokenPatch{AllowedCIDRs: list("10.0.0.0/8")})
			return err
		}, tokenstore.EndedRevoked},
		{"the same address", func(b bench, id string) error {
			_, err := b.UpdateToken(b.Context(), root, id, 0, tokenstore.TokenPatch{AllowedCIDRs: list("192.0.2.0/24")})
			return err
		}, ""},
		{"another audience", func(b bench, id string) error {
			_, err := b.UpdateToken(b.Context(), root, id, 0, tokenstore.TokenPatch{Audiences: list("shop")})
			return err
		}, tokenstore.EndedRevoked},
		{"taking what is held", func(b bench, id string) error {
			_, err := b.UpdateToken(b.Context(), root, id, 0, tokenstore.TokenPatch{Groups: list()})
			return err
		}, tokenstore.EndedPermission},
		{"taking what is held from the group", func(b bench, id string) error {
			_, err := b.UpdateGroup(b.Context(), root, "g", 0, tokenstore.GroupPatch{Permissions: list("shop.x")})
			return err
		}, tokenstore.EndedPermission},
		{"deleting the group", func(b bench, id string) error { return b.DeleteGroup(b.Context(), root, "g", 0) }, tokenstore.EndedPermission},
		{"renaming the group", func(b bench, id string) error {
			name := "h"
			_, err := b.UpdateGroup(b.Context(), root, "g", 0, tokenstore.GroupPatch{Name: &name})
			return err
		}, ""},
		{"taking what is not held", func(b bench, id string) error {
			_, err := b.UpdateToken(b.Context(), root, id, 0, tokenstore.TokenPatch{Permissions: list()})
			return err
		}, ""},
		{"ending by hand", func(b bench, id string) error {
			n, err := b.EndLive(b.Context(), root, id, "")
			if n != 1 {
				b.Errorf("%d requests ended", n)
			}
			return err
		}, tokenstore.EndedByOperator},
		{"closing", func(b bench, id string) error { return b.Close() }, tokenstore.EndedClosing},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, tokenstore.Options{})
			b.group("g", "blog.view_article")
			record, secret := b.create(tokenstore.NewToken{Name: "a", Groups: []string{"g"}, Permissions: []string{"shop.x"}})
			_, other := b.create(tokenstore.NewToken{Name: "b"})
			session, bystander := b.open(secret), b.open(other)
			defer session.End()
			defer bystander.End()
			if !session.Hold(func(g *tokenstore.Grants) bool { return g.Has("blog.view_article") }) {
				t.Fatal("not held")
			}
			if err := c.edit(b, record.ID); err != nil {
				t.Fatal(err)
			}
			if got := ended(t, session); got != c.want {
				t.Errorf("ended with %q, want %q", got, c.want)
			}
			if c.want != tokenstore.EndedClosing && ended(t, bystander) != "" {
				t.Error("another token's request ended too")
			}
			want := 2
			if c.want != "" {
				want = 1
			}
			if c.want == tokenstore.EndedClosing {
				want = 0
			}
			if n := b.LiveCount(); n != want {
				t.Errorf("%d live requests, want %d", n, want)
			}
			if c.want != "" && session.Hold(func(*tokenstore.Grants) bool { return true }) {
				t.Error("an ended session holds something")
			}
		})
	}
}

func TestHoldAsksTheGrantsOfNow(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	record, secret := b.create(tokenstore.NewToken{Name: "a", Permissions: []string{"blog.view_article"}})
	session := b.open(secret)
	defer session.End()
	may := func(g *tokenstore.Grants) bool { return g.Has("blog.view_article") }
	if _, err := b.UpdateToken(t.Context(), root, record.ID, 0, tokenstore.TokenPatch{Permissions: &[]string{}}); err != nil {
		t.Fatal(err)
	}
	if session.Hold(may) {
		t.Error("held what was taken before")
	}
	if ended(t, session) != "" {
		t.Error("ended a request that held nothing")
	}
	if err := b.DeleteToken(t.Context(), root, record.ID, 0); err != nil {
		t.Fatal(err)
	}
	if session.Grants().HoldsManagement() || session.Grants().Has("blog.view_article") {
		t.Error("a deleted token has grants")
	}
}

func TestTheEndOfTheParentEndsTheSession(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	_, secret := b.create(tokenstore.NewToken{Name: "a"})
	ctx, cancel := context.WithCancel(context.Background())
	session, err := b.Begin(ctx, secret, here)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if session.Context().Err() == nil {
		t.Error("still running")
	}
	session.End()
	session.End()
	if n := b.LiveCount(); n != 0 {
		t.Errorf("%d live", n)
	}
}

func TestLiveRequestsAreListed(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	record, secret := b.create(tokenstore.NewToken{Name: "a"})
	_, other := b.create(tokenstore.NewToken{Name: "b"})
	first, second, third := b.open(secret), b.open(secret), b.open(other)
	defer first.End()
	defer second.End()
	defer third.End()
	second.SetMCPMethod("tools/call", "list_article")
	if all := b.Live(""); len(all) != 3 {
		t.Fatalf("%d live requests: %+v", len(all), all)
	}
	own := b.Live(record.ID)
	if len(own) != 2 {
		t.Fatalf("%d live requests: %+v", len(own), own)
	}
	var named tokenstore.LiveRequest
	for _, x := range own {
		if x.MCPName == "list_article" {
			named = x
		}
	}
	if named.TokenID != record.ID || named.Path != "/mcp" || named.Method != "POST" || named.MCPMethod != "tools/call" || named.Addr != "192.0.2.1" || named.Since.IsZero() {
		t.Errorf("%+v", named)
	}
	if n, err := b.EndLive(t.Context(), root, record.ID, named.ID); err != nil || n != 1 {
		t.Fatalf("%d, %v", n, err)
	}
	if ended(t, first) != "" || ended(t, second) != tokenstore.EndedByOperator || ended(t, third) != "" {
		t.Error("the wrong one ended")
	}
	if _, err := b.EndLive(t.Context(), root, record.ID, named.ID); !errors.Is(err, tokenstore.ErrNotFound) {
		t.Errorf("ending it again: %v", err)
	}
	if b.reason(secret, here) != "" {
		t.Error("the token was touched")
	}
}

func TestATokenExpiresToTheInstant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, tokenstore.Options{FlushInterval: 24 * time.Hour})
		_, secret := b.create(tokenstore.NewToken{Name: "a", ExpiresIn: "60s"})
		_, forever := b.create(tokenstore.NewToken{Name: "b", NeverExpires: true})
		session, other := b.open(secret), b.open(forever)
		defer session.End()
		defer other.End()

		time.Sleep(time.Minute - time.Nanosecond)
		synctest.Wait()
		if ended(t, session) != "" || b.reason(secret, here) != "" {
			t.Error("ended too early")
		}
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		if got := ended(t, session); got != tokenstore.EndedExpired {
			t.Errorf("ended with %q", got)
		}
		if got := b.reason(secret, here); got != tokenstore.ReasonExpired {
			t.Errorf("refused with %q", got)
		}
		time.Sleep(1000 * 24 * time.Hour)
		if ended(t, other) != "" || b.reason(forever, here) != "" {
			t.Error("a token without an end has ended")
		}
		b.Close()
	})
}

func TestANewExpiryMovesTheEndOfRunningRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, tokenstore.Options{FlushInterval: 24 * time.Hour})
		record, secret := b.create(tokenstore.NewToken{Name: "a", ExpiresIn: "60s"})
		session := b.open(secret)
		defer session.End()
		for _, end := range []string{"1h", "30s"} {
			if _, err := b.UpdateToken(t.Context(), root, record.ID, 0, tokenstore.TokenPatch{ExpiresIn: end}); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if ended(t, session) != "" {
				t.Fatalf("ended by %s", end)
			}
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if ended(t, session) != tokenstore.EndedExpired {
			t.Error("lives on")
		}
		b.Close()
	})
}

func TestTheWallClockEndsWhatATimerMissed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, tokenstore.Options{FlushInterval: 5 * time.Second})
		_, secret := b.create(tokenstore.NewToken{Name: "a", ExpiresIn: "61s"})
		session := b.open(secret)
		defer session.End()
		session.StopTimer() // as if the machine had slept
		time.Sleep(66 * time.Second)
		synctest.Wait()
		if ended(t, session) != tokenstore.EndedExpired {
			t.Error("lives on")
		}
		b.Close()
	})
}

func TestTheOldSecretWorksForItsGraceAndNoLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, tokenstore.Options{})
		record, old := b.create(tokenstore.NewToken{Name: "a", NeverExpires: true})
		before := b.open(old)
		defer before.End()
		time.Sleep(time.Second)
		rotated, fresh, err := b.RotateToken(t.Context(), root, record.ID, 0, tokenstore.RotateOptions{Grace: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		if rotated.ID != record.ID || rotated.Key == record.Key || rotated.Rotation.PreviousKey != record.Key || rotated.Version != 2 {
			t.Errorf("rotated: %+v", rotated)
		}
		if rotated.LastUsedAt != nil || rotated.Rotation.LastUsedAt == nil {
			t.Error("the use of the old secret is not that of the new")
		}
		during, after := b.open(old), b.open(fresh)
		defer during.End()
		defer after.End()
		if now, _ := b.Token(record.ID); !now.LastUsedAt.Equal(*now.Rotation.LastUsedAt) || !now.LastUsedAt.After(*rotated.Rotation.LastUsedAt) {
			t.Errorf("last uses %v, %v", now.LastUsedAt, now.Rotation.LastUsedAt)
		}

		time.Sleep(time.Hour)
		synctest.Wait()
		if ended(t, before) != tokenstore.EndedExpired || ended(t, during) != tokenstore.EndedExpired {
			t.Error("requests of the old secret outlive its grace")
		}
		if ended(t, after) != "" || b.reason(fresh, here) != "" {
			t.Error("the new secret has ended")
		}

		for range 3 {
			if got := b.reason(old, here); got != tokenstore.ReasonExpired {
				t.Errorf("refused with %q", got)
			}
		}
		if _, err := b.Verify(old); !errors.Is(err, tokenstore.ErrNotFound) {
			t.Errorf("Verify says %v", err)
		}
		time.Sleep(59 * time.Minute)
		b.reason(old, here)
		query := tokenstore.AuditQuery{Action: string(tokenstore.ActionTokenStaleCredential)}
		page := must(b.Audit(t.Context(), root, query))(t)
		if len(page.Items) != 1 || page.Items[0].Target.Key != record.Key || page.Items[0].Target.ID != record.ID || page.Items[0].Actor.IP != "192.0.2.1" {
			t.Errorf("audit: %+v", page.Items)
		}
		time.Sleep(time.Minute)
		b.reason(old, here)
		if page := must(b.Audit(t.Context(), root, query))(t); len(page.Items) != 2 {
			t.Errorf("%d entries after an hour", len(page.Items))
		}
		b.Close()
	})
}

func TestUsesAreWrittenOncePerInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := t.TempDir() + "/tokens.db"
		b := openBench(t, path, tokenstore.Options{FlushInterval: 10 * time.Second})
		var secrets []tokenstore.Secret
		for _, name := range []string{"a", "b", "c"} {
			_, secret := b.create(tokenstore.NewToken{Name: name})
			secrets = append(secrets, secret)
		}
		commits, _ := b.WriteCounts()
		for range 60 {
			time.Sleep(time.Second)
			for range 50 {
				for _, secret := range secrets {
					b.open(secret).End()
				}
			}
		}
		synctest.Wait()
		if more, flushes := b.WriteCounts(); more != commits || flushes < 5 || flushes > 6 {
			t.Errorf("%d commits and %d flushes in 60 seconds", more-commits, flushes)
		}
		time.Sleep(20 * time.Second)
		synctest.Wait()
		_, idle := b.WriteCounts()
		time.Sleep(time.Hour)
		synctest.Wait()
		if _, flushes := b.WriteCounts(); flushes != idle {
			t.Error("writes while nothing is used")
		}

		time.Sleep(time.Second)
		b.open(secrets[0]).End()
		last := time.Now()
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		b = openBench(t, path, tokenstore.Options{})
		page := must(b.Tokens(tokenstore.TokenQuery{Sort: "-last_used_at"}))(t)
		if first := page.Items[0]; first.Name != "a" || !first.LastUsedAt.Equal(last) || *first.LastUsedIP != "192.0.2.1" {
			t.Errorf("after reopening: %+v", first)
		}
		b.Close()
	})
}

func TestNewSettingsCountAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, tokenstore.Options{FlushInterval: time.Hour})
		_, secret := b.create(tokenstore.NewToken{Name: "a"})
		b.open(secret).End()
		b.Configure(tokenstore.Options{FlushInterval: time.Second, DefaultExpiry: 24 * time.Hour, MaxExpiry: 48 * time.Hour})
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if _, flushes := b.WriteCounts(); flushes != 1 {
			t.Errorf("%d flushes", flushes)
		}
		record, _ := b.create(tokenstore.NewToken{Name: "b"})
		if life := record.ExpiresAt.Sub(record.CreatedAt); life != 24*time.Hour {
			t.Errorf("lives %s", life)
		}
		if _, _, err := b.CreateToken(t.Context(), root, tokenstore.NewToken{Name: "c", ExpiresIn: "3d"}); err == nil {
			t.Error("lives too long")
		}
		b.Close()
	})
}

func TestAKeyOutlivesTheService(t *testing.T) {
	path := t.TempDir() + "/tokens.db"
	b := openBench(t, path, tokenstore.Options{})
	first := must(b.Key(t.Context(), "sessions"))(t)
	b.Close()
	if _, err := b.Key(t.Context(), "sessions"); !errors.Is(err, tokenstore.ErrClosed) {
		t.Errorf("a closed service has keys: %v", err)
	}
	b = openBench(t, path, tokenstore.Options{})
	if second := must(b.Key(t.Context(), "sessions"))(t); len(first) != 32 || string(first) != string(second) {
		t.Error("another key")
	}
}

func TestAClosedServiceRefusesAll(t *testing.T) {
	b := newBench(t, tokenstore.Options{})
	record, secret := b.create(tokenstore.NewToken{Name: "a"})
	b.Close()
	if got := b.reason(secret, here); got != tokenstore.ReasonStore {
		t.Errorf("refused with %q", got)
	}
	if _, err := b.Token(record.ID); !errors.Is(err, tokenstore.ErrClosed) {
		t.Errorf("Token says %v", err)
	}
	if _, _, err := b.CreateToken(t.Context(), root, tokenstore.NewToken{Name: "b"}); !errors.Is(err, tokenstore.ErrClosed) {
		t.Errorf("CreateToken says %v", err)
	}
	if err := b.Close(); err != nil {
		t.Errorf("closing again: %v", err)
	}
}

func TestTheAddressOfAUseIsThatOfTheLastOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, tokenstore.Options{})
		record, secret := b.create(tokenstore.NewToken{Name: "a"})
		for _, addr := range []string{"192.0.2.1", "2001:db8::1"} {
			time.Sleep(time.Second)
			b.reason(secret, tokenstore.Caller{Addr: netip.MustParseAddr(addr)})
		}
		if got := must(b.Token(record.ID))(t); *got.LastUsedIP != "2001:db8::1" {
			t.Errorf("last used from %s", *got.LastUsedIP)
		}
		b.Close()
	})
}

func TestAClockSetBackDoesNotReviveAnOldSecret(t *testing.T) {
	path := t.TempDir() + "/tokens.db"
	store := must(bolt.Open(path, bolt.Options{}))(t)
	// Rotated without grace an hour from now: the clock was right then, or is now.
	later := time.Now().UTC().Add(time.Hour)
	current, old := tokenstore.NewSecret(), tokenstore.NewSecret()
	previous := tokenstore.NewCredential(old)
	previous.ValidUntil = &later
	token := &tokenstore.Token{
		ID: "tok_x", Name: "a", IsActive: true, CreatedAt: later, UpdatedAt: later, Version: 2,
		Credential: tokenstore.NewCredential(current), Previous: &previous,
	}
	if err := store.Commit(t.Context(), tokenstore.Change{Tokens: []tokenstore.TokenChange{{After: token}}}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	b := openBench(t, path, tokenstore.Options{})
	description := "x"
	for range 2 {
		if b.reason(old, here) != tokenstore.ReasonExpired || b.reason(current, here) != "" {
			t.Error("the old secret works again")
		}
		must(b.UpdateToken(t.Context(), root, "tok_x", 0, tokenstore.TokenPatch{Description: &description}))(t)
	}
}
