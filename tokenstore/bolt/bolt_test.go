package bolt_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
	"go.uber.org/goleak"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/bolt"
	"github.com/mcptoken/caddy-mcp-token/tokenstore/storetest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestBoltIsAStore(t *testing.T) {
	storetest.Run(t, func(t *testing.T) func() tokenstore.Store {
		path := filepath.Join(t.TempDir(), "tokens.db")
		return func() tokenstore.Store { return mustOpen(t, path) }
	})
}

func mustOpen(t *testing.T, path string) *bolt.Store {
	t.Helper()
	s, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestANewDatabaseIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a", "b", "tokens.db")
	mustOpen(t, path).Close()
	for name, want := range map[string]os.FileMode{path: 0o600, filepath.Dir(path): 0o700, filepath.Dir(filepath.Dir(path)): 0o700} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %04o, want %04o", name, got, want)
		}
	}
}

func TestADatabaseThatOthersCanReadIsNarrowed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.db")
	mustOpen(t, path).Close()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	mustOpen(t, path).Close()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != 0o600 {
		t.Errorf("mode %04o", got)
	}
}

func TestADatabaseInUseIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens.db")
	first := mustOpen(t, path)
	defer first.Close()
	start := time.Now()
	_, err := bolt.Open(path, bolt.Options{Timeout: 50 * time.Millisecond})
	if !errors.Is(err, tokenstore.ErrInUse) || !strings.Contains(err.Error(), path) {
		t.Errorf("error %v", err)
	}
	if waited := time.Since(start); waited > 3*time.Second {
		t.Errorf("gave up after %s", waited)
	}
}

func TestWhatIsNoDatabaseIsRefusedAndLeftAlone(t *testing.T) {
	whole, err := os.ReadFile(newFile(t))
	if err != nil {
		t.Fatal(err)
	}
	half := bytes.Clone(whole[:len(whole)/2])
	scrambled := bytes.Clone(whole)
	for i := range scrambled {
		scrambled[i] ^= 0x5a
	}
	pages := bytes.Clone(whole) // good meta pages, the rest not
	for i := 2 * os.Getpagesize(); i < len(pages); i++ {
		pages[i] = 0xff
	}
	for name, content := range map[string][]byte{
		"text": []byte("not a database"), "long text": bytes.Repeat([]byte("x"), 100_000),
		"half": half, "scrambled": scrambled, "bad pages": pages,
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "tokens.db")
			if err := os.WriteFile(path, content, 0o600); err != nil {
				t.Fatal(err)
			}
			s, err := bolt.Open(path, bolt.Options{})
			if err == nil {
				s.Close()
				t.Fatal("opened")
			}
			if !strings.Contains(err.Error(), path) {
				t.Errorf("the error does not name the file: %v", err)
			}
			if after, _ := os.ReadFile(path); !bytes.Equal(after, content) {
				t.Error("the file was written to")
			}
		})
	}
}

func TestADirectoryIsNoDatabase(t *testing.T) {
	if _, err := bolt.Open(t.TempDir(), bolt.Options{}); err == nil {
		t.Error("opened")
	}
}

func TestADatabaseOfAnotherProgramIsRefused(t *testing.T) {
	path := newFile(t)
	edit(t, path, func(tx *bbolt.Tx) error {
		if err := tx.DeleteBucket([]byte("meta")); err != nil {
			return err
		}
		_, err := tx.CreateBucket([]byte("theirs"))
		return err
	})
	if _, err := bolt.Open(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "other program") {
		t.Errorf("error %v", err)
	}
}

func TestANewerFormatIsRefused(t *testing.T) {
	path := newFile(t)
	edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("meta")).Put([]byte("schema"), []byte("2")) })
	if _, err := bolt.Open(path, bolt.Options{}); err == nil || !strings.Contains(err.Error(), "format 2") {
		t.Errorf("error %v", err)
	}
}

func TestADamagedEntryIsNamed(t *testing.T) {
	for name, value := range map[string]string{
		"not JSON": "{", "unknown member": `{"id":"tok_x","admin":true}`, "twice": `{"id":"a","id":"b"}`,
	} {
		path := newFile(t)
		edit(t, path, func(tx *bbolt.Tx) error { return tx.Bucket([]byte("tokens")).Put([]byte("tok_x"), []byte(value)) })
		s := mustOpen(t, path)
		if _, err := s.Load(t.Context()); err == nil || !strings.Contains(err.Error(), "tok_x") {
			t.Errorf("%s: error %v", name, err)
		}
		s.Close()
	}
}

func TestABackupOpensAndLeavesNothingBehind(t *testing.T) {
	path := newFile(t)
	s := mustOpen(t, path)
	defer s.Close()
	key, err := s.Key(t.Context(), "k")
	if err != nil {
		t.Fatal(err)
	}
	var copied bytes.Buffer
	if err := s.Backup(t.Context(), &copied); err != nil {
		t.Fatal(err)
	}
	again := filepath.Join(t.TempDir(), "copy.db")
	if err := os.WriteFile(again, copied.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	restored := mustOpen(t, again)
	defer restored.Close()
	if got, err := restored.Key(t.Context(), "k"); err != nil || !bytes.Equal(got, key) {
		t.Errorf("the copy holds another key: %v", err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("the directory holds %v", files)
	}
}

// newFile returns the path of an empty token database.
func newFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "tokens.db")
	if err := mustOpen(t, path).Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// edit writes to the file behind the package's back.
func edit(t *testing.T, path string, f func(*bbolt.Tx) error) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Update(f), db.Close()); err != nil {
		t.Fatal(err)
	}
}
