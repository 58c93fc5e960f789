package tokenstore

import (
	"net/netip"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Limits of a token's and a group's fields; those of text in code points.
const (
	maxName        = 200
	maxDescription = 2000
	maxReason      = 500
	maxList        = 1000 // entries of groups, permissions, allowed_cidrs, audiences
)

// cleanName returns s as a token or group may be called: NFC, without spaces
// around it. What cannot be seen is refused, for two names that look alike
// must be one name.
func cleanName(field, s string) (string, error) {
	s, err := cleanLine(field, s, maxName)
	switch {
	case err != nil:
		return "", err
	case s == "":
		return "", fieldError(field, "must not be empty")
	case s == "." || s == "..":
		return "", fieldError(field, "would be a path, not a name") // names stand in URLs
	}
	return s, nil
}

// cleanLine returns s as one line of at most limit characters.
func cleanLine(field, s string, limit int) (string, error) {
	return cleanText(field, s, limit, "")
}

// cleanText returns s in NFC without spaces around it, or an error if it holds
// invalid UTF-8, control characters other than allowed, or invisible and bidi
// formatting characters, which can make one text look like another.
func cleanText(field, s string, limit int, allowed string) (string, error) {
	if len(s) > utf8.UTFMax*limit+limit {
		return "", fieldError(field, "must have at most %d characters", limit)
	}
	if !utf8.ValidString(s) {
		return "", fieldError(field, "must be valid UTF-8")
	}
	for _, r := range s {
		if strings.ContainsRune(allowed, r) {
			continue
		}
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co) || unseen(r) {
			return "", fieldError(field, "must not hold control or invisible characters (%U)", r)
		}
	}
	s = strings.TrimSpace(norm.NFC.String(s))
	if utf8.RuneCountInString(s) > limit {
		return "", fieldError(field, "must have at most %d characters", limit)
	}
	return s, nil
}

// unseen reports the letters and marks that print nothing, and the
// noncharacters.
func unseen(r rune) bool {
	switch r {
	case '\u034f', '\u115f', '\u1160', '\u17b4', '\u17b5', '\u2800', '\u3164', '\uffa0':
		return true
	}
	return r&0xfffe == 0xfffe || 0xfdd0 <= r && r <= 0xfdef
}

// FoldName returns what names are compared by: two names are the same if they
// fold to the same text. A Store keeps names unique by it.
func FoldName(name string) string {
	for i := range len(name) {
		if name[i] >= utf8.RuneSelf {
			return norm.NFC.String(cases.Fold().String(norm.NFC.String(name)))
		}
	}
	return strings.ToLower(name)
}

// cleanPermissions returns list sorted and without repetitions.
func cleanPermissions(list []string) ([]string, error) {
	if len(list) > maxList {
		return nil, fieldError("permissions", "must have at most %d entries", maxList)
	}
	for _, p := range list {
		if err := CheckGrant(p); err != nil {
			return nil, &FieldError{"permissions", err.Error()}
		}
	}
	return sortedSet(list), nil
}

// cleanAudiences returns list sorted and without repetitions.
func cleanAudiences(list []string) ([]string, error) {
	if len(list) > maxList {
		return nil, fieldError("audiences", "must have at most %d entries", maxList)
	}
	for _, name := range list {
		clean, err := cleanName("audiences", name)
		if err != nil {
			return nil, err
		}
		if clean != name || strings.ContainsFunc(name, unicode.IsSpace) {
			return nil, fieldError("audiences", "%q: expected a name without spaces", name)
		}
	}
	return sortedSet(list), nil
}

// cleanCIDRs reads prefixes and single addresses. IPv4 in its IPv6 form becomes
// IPv4, for that is how client addresses are compared. Bits beyond the prefix
// are refused: they would widen the rule without a word.
func cleanCIDRs(list []string) ([]netip.Prefix, error) {
	const field = "allowed_cidrs"
	if len(list) > maxList {
		return nil, fieldError(field, "must have at most %d entries", maxList)
	}
	prefixes := make([]netip.Prefix, 0, len(list))
	for _, text := range list {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			addr, addrErr := netip.ParseAddr(text)
			if addrErr != nil || addr.Zone() != "" {
				return nil, fieldError(field, "%.60q: expected an address or a prefix, as 10.0.0.0/8", text)
			}
			p = netip.PrefixFrom(addr, addr.BitLen())
		}
		if p.Addr().Is4In6() {
			if p.Bits() < 96 {
				return nil, fieldError(field, "%q: expected at least 96 bits of an IPv4 address in IPv6 form", text)
			}
			p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
		}
		if p != p.Masked() {
			return nil, fieldError(field, "%q has bits beyond its prefix: write %s or %s", text, p.Masked(), p.Addr())
		}
		prefixes = append(prefixes, p)
	}
	slices.SortFunc(prefixes, netip.Prefix.Compare)
	return slices.Compact(prefixes), nil
}

// sortedSet returns a sorted copy of list without repetitions, never nil.
func sortedSet(list []string) []string {
	set := append(make([]string, 0, len(list)), list...)
	slices.Sort(set)
	return slices.Compact(set)
}
