package tokenstore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// golden is a token that django-admin-mcp made, with what it stored of it.
var golden = struct{ token, key, salt, hash string }{
	token: "mcp_sd1_Df8yEMJbXz1D.OE87pzmDhdRnj2TcWrMcyxYOQWoJeSl43DIQbI1Zy5c",
	key:   "sd1_Df8yEMJbXz1D",
	salt:  "9jaIvIBIsjiP5LCNSQ7N_g",
	hash:  "6ccf7a2438230dd60d07367ea887519c2a28e7f7350644c424e5a70e3c582321",
}

func TestATokenOfDjangoAdminMCPIsVerified(t *testing.T) {
	secret, err := ParseSecret(golden.token)
	if err != nil {
		t.Fatal(err)
	}
	if secret.Key() != golden.key {
		t.Errorf("key %s", secret.Key())
	}
	if sum := fmt.Sprintf("%x", hashSecret(golden.salt, secret)); sum != golden.hash {
		t.Errorf("hash %s", sum)
	}
	v := newVerifier(Credential{Key: golden.key, Salt: golden.salt, Hash: golden.hash})
	if v == nil || !v.accepts(secret) {
		t.Error("not accepted")
	}
	other, err := ParseSecret(golden.token[:63] + "d")
	if err != nil || v.accepts(other) {
		t.Errorf("another secret is accepted (%v)", err)
	}
}

func TestADamagedHashIsNoVerifier(t *testing.T) {
	for _, c := range []Credential{
		{}, {Salt: "s"}, {Hash: golden.hash}, {Salt: "s", Hash: golden.hash[:62]},
		{Salt: "s", Hash: golden.hash + "00"}, {Salt: "s", Hash: "x" + golden.hash[1:]},
	} {
		if newVerifier(c) != nil {
			t.Errorf("%+v is a verifier", c)
		}
	}
}

func TestANewSecretIsWellFormedAndOnlyOnce(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		s := NewSecret()
		if _, err := ParseSecret(s.Reveal()); err != nil || len(s.Reveal()) != 64 || len(s.Key()) != 16 {
			t.Fatalf("secret %q: %v", s.Reveal(), err)
		}
		if seen[s.Reveal()] || seen[s.Key()] {
			t.Fatal("the same again")
		}
		seen[s.Reveal()], seen[s.Key()] = true, true
		c := NewCredential(s)
		if len(c.Salt) != 22 || !newVerifier(c).accepts(s) {
			t.Fatalf("credential %+v", c)
		}
	}
}

func TestWhatCannotBeASecretIsMalformed(t *testing.T) {
	good := golden.token
	for _, s := range []string{
		"", "mcp_", "mcp_.x", "mcp_k.", good[:63], good + "x", " " + good[1:], "MCP_" + good[4:], "mcp-" + good[4:],
		strings.Replace(good, ".", "_", 1), good[:30] + "." + good[31:], good[:40] + "é" + good[42:],
		good[:40] + "+" + good[41:], good[:40] + "\x00" + good[41:], good[:40] + " " + good[41:], good[:40] + "=" + good[41:],
	} {
		if _, err := ParseSecret(s); err != ErrMalformed {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func TestASecretNeverShowsByFormatting(t *testing.T) {
	secret := NewSecret()
	hidden := struct {
		Shown  Secret
		inside Secret
		list   []Secret
	}{secret, secret, []Secret{secret}}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("hello", "secret", secret, "all", hidden, "pointer", &hidden)
	}
	if err := json.NewEncoder(&log).Encode(hidden); err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%t"} {
		fmt.Fprintf(&log, verb+" "+verb+" "+verb+"\n", secret, hidden, &hidden)
	}
	fmt.Fprintln(&log, secret, hidden, []any{secret})
	part := secret.Reveal()[21:]
	for name, forbidden := range map[string]string{
		"text": part, "hex": fmt.Sprintf("%x", part), "HEX": fmt.Sprintf("%X", part), "bytes": strings.Trim(fmt.Sprint([]byte(part)), "[]"),
		"key": secret.Key(),
	} {
		if strings.Contains(log.String(), forbidden) {
			t.Errorf("the %s of the secret shows in:\n%s", name, log.String())
		}
	}
	if !strings.Contains(log.String(), DisplayKey(secret.Key())) {
		t.Error("its display form does not")
	}
}

func TestParsingASecretDoesNotAllocate(t *testing.T) {
	text := NewSecret().Reveal()
	v := newVerifier(NewCredential(NewSecret()))
	if n := testing.AllocsPerRun(100, func() {
		s, _ := ParseSecret(text)
		v.accepts(s)
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func FuzzParseSecret(f *testing.F) {
	f.Add(golden.token)
	f.Add("mcp_k.s")
	f.Add(strings.Repeat("mcp_", 16))
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSecret(text)
		if err != nil {
			return
		}
		if s.Reveal() != text || len(text) != 64 || "mcp_"+s.Key()+"." != text[:21] || strings.ContainsAny(s.Key(), ". \x00") {
			t.Errorf("%q became %q with key %q", text, s.Reveal(), s.Key())
		}
		if strings.Contains(s.String(), text[21:]) {
			t.Errorf("%q shows in %q", text, s)
		}
	})
}
