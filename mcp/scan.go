package mcp

import (
	"bytes"
	"strconv"
	"strings"
)

// maxDepth is far beyond what tools take and far below the first limit among
// the servers (go-sdk and Python give up at 1000), so that a server never
// refuses, or reads in part, what was judged whole. It also bounds the recursion
// of whoever evaluates conditions on the arguments.
const maxDepth = 128

// checkDepth finds the first value of valid JSON that is nested too deeply.
func checkDepth(body []byte) *Refusal {
	depth := 0
	for i := 0; i < len(body); i++ {
		switch body[i] {
		case '"':
			i = stringEnd(body, i) - 1
		case '{', '[':
			if depth++; depth > maxDepth {
				return refuse(CodeInvalidRequest, "the value at byte %d is nested more than %d levels deep: send a flatter message", i, maxDepth)
			}
		case '}', ']':
			depth--
		}
	}
	return nil
}

// checkNumbers finds the first number in valid JSON that servers read
// differently: JavaScript rounds integers beyond 2^53-1 where Python keeps them,
// and what does not fit a float64 is Infinity to one and an error to another
// (RFC 7493 section 2.2).
func checkNumbers(m member) *Refusal {
	value := m.raw
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"':
			i = stringEnd(value, i) - 1
		case c == '-' || '0' <= c && c <= '9':
			end := i + 1
			for end < len(value) && strings.IndexByte("+-.0123456789Ee", value[end]) >= 0 {
				end++
			}
			if !agreed(value[i:end]) {
				return refuse(CodeInvalidParams, "the number at byte %d is not read alike by all servers: send integers beyond ±9007199254740991 and numbers beyond a 64-bit float as strings", m.at+i)
			}
			i = end - 1
		}
	}
	return nil
}

const maxSafeInteger = 1<<53 - 1

func agreed(number []byte) bool {
	if bytes.ContainsAny(number, ".eE") {
		_, err := strconv.ParseFloat(string(number), 64)
		return err == nil
	}
	if len(number) < len("9007199254740991") {
		return true
	}
	n, err := strconv.ParseInt(string(number), 10, 64)
	return err == nil && -maxSafeInteger <= n && n <= maxSafeInteger
}

// stringEnd is the index behind the string of valid JSON that starts at i.
func stringEnd(b []byte, i int) int {
	for i++; i < len(b); {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return len(b)
		}
		end := i + n
		slashes := 0
		for end-1-slashes >= i && b[end-1-slashes] == '\\' {
			slashes++
		}
		if slashes%2 == 0 {
			return end + 1
		}
		i = end + 1
	}
	return len(b)
}
