package tokenstore

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"log/slog"
	"unsafe"
)

// The parts of a secret: mcp_ KEY . PART, 64 characters in all.
const (
	secretPrefix = "mcp_"
	keyLength    = 16 // 96 random bits
	partLength   = 43 // 256 random bits
	partStart    = len(secretPrefix) + keyLength + 1
	secretLength = partStart + partLength

	saltLength = 22 // 128 random bits
)

// Secret is what a caller presents as a Bearer token: "mcp_", 16 url-safe
// characters (the public key), ".", 43 url-safe characters. Only Reveal gives
// its text; however it is formatted, logged or marshalled, it shows the
// beginning of its key and nothing else.
type Secret struct {
	// text points to the secretLength bytes of an immutable string. It is a
	// pointer because fmt and its like print the fields of a struct, and ask no
	// String method, when a Secret sits in somebody's unexported field.
	text *byte
}

// NewSecret returns a new random secret.
func NewSecret() Secret {
	text := secretPrefix + randomText(keyLength) + "." + randomText(partLength)
	return Secret{unsafe.StringData(text)}
}

// ParseSecret returns s as a Secret, or ErrMalformed if it cannot be one. It
// decides by form alone and keeps s in memory.
func ParseSecret(s string) (Secret, error) {
	if len(s) != secretLength || s[:len(secretPrefix)] != secretPrefix || s[partStart-1] != '.' {
		return Secret{}, ErrMalformed
	}
	if !urlSafe(s[len(secretPrefix):partStart-1]) || !urlSafe(s[partStart:]) {
		return Secret{}, ErrMalformed
	}
	return Secret{unsafe.StringData(s)}, nil
}

// Key returns the public part of s, or "" of the zero Secret.
func (s Secret) Key() string {
	if s.text == nil {
		return ""
	}
	return s.Reveal()[len(secretPrefix) : partStart-1]
}

// Reveal returns the text of s: whoever has it can use the token.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return unsafe.String(s.text, secretLength)
}

// String returns s as logs may show it: "mcp_Ab3dEf…".
func (s Secret) String() string { return DisplayKey(s.Key()) }

// GoString is String.
func (s Secret) GoString() string { return s.String() }

// Format prints String for every verb, also for those that would print the
// pointer.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText returns String, so that JSON does not hold the secret either.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// DisplayKey returns a token's key as logs and lists show it: "mcp_Ab3dEf…".
func DisplayKey(key string) string {
	return secretPrefix + key[:min(6, len(key))] + "…"
}

// NewCredential returns the half of s that is stored, with a new salt.
func NewCredential(s Secret) Credential {
	salt := randomText(saltLength)
	sum := hashSecret(salt, s)
	return Credential{Key: s.Key(), Salt: salt, Hash: hex.EncodeToString(sum[:])}
}

// digest is a SHA-256.
type digest = [sha256.Size]byte

// hashSecret returns SHA-256(salt ‖ secret part), both as text.
func hashSecret(salt string, s Secret) digest {
	var room [64 + partLength]byte // on the stack for every salt that we make or import
	text := append(room[:0], salt...)
	text = append(text, s.Reveal()[partStart:]...)
	return sha256.Sum256(text)
}

// unknown stands in for the credential of a key that nobody has, so that an
// unknown key takes as long as a wrong secret and cannot be told from it.
var unknown = newVerifier(NewCredential(NewSecret()))

// verifier is a Credential ready for use.
type verifier struct {
	salt string
	hash digest
}

// newVerifier returns nil when c's hash cannot be one.
func newVerifier(c Credential) *verifier {
	v := &verifier{salt: c.Salt}
	n, err := hex.Decode(v.hash[:], []byte(c.Hash[:min(len(c.Hash), 2*sha256.Size)]))
	if err != nil || n != sha256.Size || len(c.Hash) != 2*sha256.Size || c.Salt == "" {
		return nil
	}
	return v
}

// accepts reports whether s is the secret of v, in constant time.
func (v *verifier) accepts(s Secret) bool {
	sum := hashSecret(v.salt, s)
	return subtle.ConstantTimeCompare(sum[:], v.hash[:]) == 1
}

// randomText returns n url-safe characters from crypto/rand.
func randomText(n int) string {
	raw := make([]byte, base64.RawURLEncoding.DecodedLen(n)+1)
	_, _ = rand.Read(raw) // never fails: it ends the process instead
	return base64.RawURLEncoding.EncodeToString(raw)[:n]
}

func urlSafe(s string) bool {
	for i := range len(s) {
		if !isWord(s[i]) {
			return false
		}
	}
	return true
}

// isWord reports whether c is one of A–Z a–z 0–9 _ -.
func isWord(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
