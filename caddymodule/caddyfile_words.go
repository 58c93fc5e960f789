package caddymodule

import (
	"slices"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/dustin/go-humanize"

	"github.com/mcptoken/caddy-mcp-token/tokenstore"
)

// words remembers which words a block has used.
type words map[string]bool

// once refuses the second use of a word that has one value: the operator may
// not see that the later one wins.
func (w *words) once(d *caddyfile.Dispenser) error {
	if *w == nil {
		*w = words{}
	}
	if (*w)[d.Val()] {
		return d.Errf("%s is set twice", d.Val())
	}
	(*w)[d.Val()] = true
	return nil
}

// permissions reads one or more permissions.
func permissions(d *caddyfile.Dispenser, to *[]string) error {
	return checked(d, to, tokenstore.CheckPermission)
}

// checked reads one or more arguments that check finds right.
func checked(d *caddyfile.Dispenser, to *[]string, check func(string) error) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	for more := true; more; more = d.NextArg() {
		if err := check(d.Val()); err != nil {
			return d.WrapErr(err)
		}
		*to = append(*to, d.Val())
	}
	return nil
}

// oneOf reads one of some words.
func oneOf(d *caddyfile.Dispenser, to *string, words ...string) error {
	option := d.Val()
	if !d.NextArg() {
		return d.ArgErr()
	}
	if !slices.Contains(words, d.Val()) {
		last := len(words) - 1
		return d.Errf("unexpected '%s': expected %s %s or %s", d.Val(), option, strings.Join(words[:last], ", "), words[last])
	}
	*to = d.Val()
	return end(d)
}

// size reads a number of bytes, as 4MiB.
func size(d *caddyfile.Dispenser, to *int64) error {
	option := d.Val()
	if !d.NextArg() {
		return d.ArgErr()
	}
	bytes, err := humanize.ParseBytes(d.Val())
	if err != nil || bytes == 0 || bytes > maxSize {
		return d.Errf("unexpected '%s': expected %s and a size of at most 1GiB, as 4MiB", d.Val(), option)
	}
	*to = int64(bytes)
	return end(d)
}

// maxSize bounds what one request can make the gateway keep in memory, in bytes.
const maxSize = 1 << 30

// text reads exactly one argument.
func text(d *caddyfile.Dispenser, to *string) error {
	if !d.NextArg() {
		return d.ArgErr()
	}
	if *to = d.Val(); *to == "" {
		return d.Err("expected a text that is not empty")
	}
	return end(d)
}

// onOff reads on or off.
func onOff(d *caddyfile.Dispenser, to **bool) error {
	word := d.Val()
	if !d.NextArg() {
		return d.ArgErr()
	}
	switch d.Val() {
	case "on":
		*to = new(true)
	case "off":
		*to = new(false)
	default:
		return d.Errf("unexpected '%s': expected %s on or %s off", d.Val(), word, word)
	}
	return end(d)
}

// duration reads a duration of s, m, h, d or w.
func duration(d *caddyfile.Dispenser, to *caddy.Duration) error {
	word := d.Val()
	if !d.NextArg() {
		return d.ArgErr()
	}
	parsed, err := tokenstore.ParseDuration(d.Val())
	if err != nil {
		return d.WrapErr(err)
	}
	if parsed == 0 {
		return d.Errf("%s must be longer than zero", word)
	}
	*to = caddy.Duration(parsed)
	return end(d)
}

// limit reads a rate, as 60/m or 60/m burst 20.
func limit(d *caddyfile.Dispenser, to *string) error {
	arguments := d.RemainingArgs()
	if len(arguments) == 0 {
		return d.ArgErr()
	}
	parsed, err := tokenstore.ParseRate(strings.Join(arguments, " "))
	if err != nil {
		return d.WrapErr(err)
	}
	*to = parsed.String()
	return nil
}

// count reads a number from 1.
func count(d *caddyfile.Dispenser, to *int) error {
	option := d.Val()
	if !d.NextArg() {
		return d.ArgErr()
	}
	n, err := strconv.Atoi(d.Val())
	if err != nil || n < 1 {
		return d.Errf("unexpected '%s': expected %s and a number from 1", d.Val(), option)
	}
	*to = n
	return end(d)
}

// end refuses further arguments.
func end(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}
