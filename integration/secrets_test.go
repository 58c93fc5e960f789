package integration

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
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

// halfLength is the length of the half of a secret that is secret.
const halfLength = 43

// leaks searches all files below dir for remembered secrets, and returns where
// it found one.
func leaks(dir string) []string {
	secrets.Lock()
	halves := map[string]bool{}
	for _, secret := range secrets.all {
		// The half before the dot is public.
		if _, half, ok := strings.Cut(secret, "."); ok {
			halves[half] = true
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
		for _, at := range findAny(data, halves) {
			found = append(found, fmt.Sprintf("%s at %d: %.500q", path, at, data[max(0, at-400):at]))
		}
		return nil
	})
	if err != nil {
		found = append(found, err.Error())
	}
	return found
}

// findAny returns where data holds one of the halves. There are thousands of
// them, and megabytes of data: it looks at each place once.
func findAny(data []byte, halves map[string]bool) (at []int) {
	run := 0 // how many characters of the alphabet end here
	for i, c := range data {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			run++
		default:
			run = 0
		}
		if run >= halfLength && halves[string(data[i+1-halfLength:i+1])] {
			at = append(at, i+1-halfLength)
		}
	}
	return at
}

func TestTheSearchForSecretsFindsThem(t *testing.T) {
	t.Parallel()
	half := strings.Repeat("Ab_-9", 9)[:halfLength]
	for _, data := range []string{half, "x" + half + "y", `{"a":["Bearer mcp_AAAAAAAAAAAAAAAA.` + half + `"]}`, "\x00" + half + "\n"} {
		if len(findAny([]byte(data), map[string]bool{half: true})) != 1 {
			t.Errorf("not found in %q", data)
		}
	}
	if found := findAny([]byte(half[1:]+" "+half[:42]), map[string]bool{half: true}); found != nil {
		t.Errorf("found at %d where it is not", found)
	}
}
