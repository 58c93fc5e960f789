package page

import (
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// allowed reports whether the page answers to the request's Host. A name that
// somebody's DNS points here must not open it: after DNS rebinding, a hostile
// page is of the same origin, and only the Host tells.
func (s *Site) allowed(r *http.Request) bool {
	if len(s.AllowedHosts) > 0 {
		return slices.ContainsFunc(s.AllowedHosts, func(host string) bool { return strings.EqualFold(host, r.Host) })
	}
	port := ""
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		port = ":" + strconv.Itoa(local.Port)
	}
	if port == ":80" || port == ":443" {
		port = "" // browsers leave out the scheme's own
	}
	for _, name := range []string{"localhost", "127.0.0.1", "[::1]"} {
		if strings.EqualFold(r.Host, name+port) {
			return true
		}
	}
	return false
}
