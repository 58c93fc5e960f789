package integration

import (
	"encoding/binary"
	"errors"
	"net/http"
	"os"
	"testing"
	"time"
)

// commits returns how many write transactions a bbolt file has seen: the
// higher transaction id of its two meta pages. The file may be in use.
func commits(t tb, path string) uint64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	// A page begins with 16 bytes of header; the meta that follows has magic,
	// version, page size and flags (4 bytes each), the root bucket (16), the
	// freelist and the high-water mark (8 each), then the transaction id.
	const pageSizeAt, txidAt = 16 + 8, 16 + 16 + 16 + 16
	txid := func(page int64) uint64 {
		var buf [txidAt + 8]byte
		if _, err := f.ReadAt(buf[:], page); err != nil {
			t.Fatal(err)
		}
		if page == 0 && binary.LittleEndian.Uint32(buf[pageSizeAt:]) != uint32(os.Getpagesize()) {
			t.Fatal("the page size is not what this test expects")
		}
		return binary.LittleEndian.Uint64(buf[txidAt:])
	}
	return max(txid(0), txid(int64(os.Getpagesize())))
}

// flushing is guarded with a flush interval.
func flushing(upstream, interval string) config {
	c := guarded(upstream, 0)
	c.global = "mcp_token {\n\tlast_used_flush " + interval + "\n}\n"
	return c
}

func TestLastUseIsNotWrittenInTheRequestPath(t *testing.T) {
	const interval, duration = time.Second, 4 * time.Second
	g := start(t, flushing(newUpstream(t), interval.String()))
	var callers []*caller
	for range 10 {
		callers = append(callers, &caller{secret: g.holder(t, "blog.view_article").secret, want: http.StatusOK})
	}
	before, began := commits(t, g.DefaultStore()), time.Now()
	l := call(t, g.url("/"), 20, callers...)
	eventually(t, 3*duration, func() error {
		if time.Since(began) < duration {
			return errors.New("the load goes on")
		}
		return nil
	})
	l.end()
	written, most := commits(t, g.DefaultStore())-before, uint64(time.Since(began)/interval)+1
	t.Logf("%v: %d write transactions in %v", l, written, time.Since(began))
	if l.wrong.Load()+l.lost.Load() > 0 {
		t.Error(l)
	}
	if written == 0 || written > most {
		t.Errorf("%d write transactions, want 1 to %d", written, most)
	}
}

func TestLastUseIsKeptToTheFlushInterval(t *testing.T) {
	t.Parallel()
	g := start(t, flushing(newUpstream(t), "1s"))
	tok := g.holder(t, "blog.view_article")
	if tok.LastUsedAt != nil {
		t.Errorf("a new token was used %v", tok.LastUsedAt)
	}
	status(t, g, "/", "mcp_"+tok.Key+"."+tok.secret[22:]+"A", http.StatusUnauthorized)
	if got := g.token(t, tok).LastUsedAt; got != nil {
		t.Errorf("a refusal counts as use: %v", got)
	}

	before := commits(t, g.DefaultStore())
	used := time.Now()
	status(t, g, "/", tok.secret, http.StatusOK)
	near := func(when string) {
		t.Helper()
		got := g.token(t, tok)
		if got.LastUsedAt == nil || got.LastUsedAt.Sub(used).Abs() > time.Second {
			t.Errorf("%s: used %v, but the API says %v", when, used, got.LastUsedAt)
		}
		if got.LastUsedIP == nil || *got.LastUsedIP != "127.0.0.1" {
			t.Errorf("%s: from %v", when, got.LastUsedIP)
		}
	}
	near("at once")
	eventually(t, 5*time.Second, func() error {
		if commits(t, g.DefaultStore()) == before {
			return errors.New("not written yet")
		}
		return nil
	})
	if err := g.Kill(); err != nil {
		t.Fatal(err)
	}
	g.restart(t)
	near("after a flush and a kill")
}

func TestLastUseSurvivesACleanStop(t *testing.T) {
	t.Parallel()
	g := start(t, flushing(newUpstream(t), "1h"))
	tok := g.holder(t, "blog.view_article")
	used := time.Now()
	status(t, g, "/", tok.secret, http.StatusOK)
	if err := g.stop(); err != nil {
		t.Fatal(err)
	}
	g.restart(t)
	if got := g.token(t, tok).LastUsedAt; got == nil || got.Sub(used).Abs() > time.Second {
		t.Errorf("used %v, but the API says %v", used, got)
	}
}
