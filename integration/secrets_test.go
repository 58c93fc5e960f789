package integration

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// secrets are all that the suite was ever given. None of them, and no secret
// half of one, may be found in anything that a process of the suite wrote.
var secrets struct {
	sync.Mutex
	all []string
}

// remember adds a secret to those that must never be found.
func remember(secret string) string {
	secrets.Lock()
	defer secrets.Unlock()
	secrets.all = append(secrets.all, secret)
	return secret
}

// leaks searches all files below dir for remembered secrets, and returns where
// it found one.
func leaks(dir string) []string {
	secrets.Lock()
	needles := make([][]byte, 0, len(secrets.all))
	for _, secret := range secrets.all {
		// The half after the dot is the secret; the half before it is public.
		if _, half, ok := strings.Cut(secret, "."); ok {
			needles = append(needles, []byte(half))
		}
	}
	secrets.Unlock()

	var found []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || path == suite.binary {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range bytes.Lines(data) {
			if i := slices.IndexFunc(needles, func(n []byte) bool { return bytes.Contains(line, n) }); i >= 0 {
				found = append(found, fmt.Sprintf("%s: %.600q", path, line))
			}
		}
		return nil
	})
	if err != nil {
		found = append(found, err.Error())
	}
	return found
}
