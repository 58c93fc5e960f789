package adminapi

import (
	"strconv"
	"strings"
)

// etag is the entity tag of a version.
func etag(version uint64) string { return `"` + strconv.FormatUint(version, 10) + `"` }

// readIfMatch returns the version that the caller has seen; 0 stands for any.
// A tag that cannot be one of ours matches nothing (412), as RFC 9110 §13.1.1
// wants.
func readIfMatch(lines []string, use ifMatch) (version uint64, err error) {
	switch {
	case len(lines) == 0 && use == ifMatchRequired:
		return 0, problem(codePreconditionRequired,
			"Send If-Match with the ETag that you read, so that nobody's edit is overwritten unseen.")
	case len(lines) == 0:
		return 0, nil
	case len(lines) > 1 || strings.Contains(lines[0], ","):
		return 0, problem(codeBadRequest, "If-Match must hold one entity tag.")
	}
	tag := lines[0]
	if tag == "*" {
		return 0, nil
	}
	tag, quoted := strings.CutPrefix(tag, `"`)
	tag, closed := strings.CutSuffix(tag, `"`)
	if !quoted || !closed {
		return 0, mismatch()
	}
	// Caddy's encode directive appends the encoding to the tags of compressed
	// responses, and takes it away again from If-None-Match only.
	for _, encoding := range []string{"-gzip", "-zstd", "-br"} {
		tag = strings.TrimSuffix(tag, encoding)
	}
	version, err = strconv.ParseUint(tag, 10, 64)
	if err != nil || version == 0 {
		return 0, mismatch()
	}
	return version, nil
}

func mismatch() error {
	return problem(codeVersionMismatch, "It has been changed since you read it: read it again, then decide.")
}
