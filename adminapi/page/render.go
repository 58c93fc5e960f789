package page

import (
	"bytes"
	"compress/gzip"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.uber.org/zap"
)

//go:embed templates/*.html
var templateFiles embed.FS

// maxDepth is the most slashes that a path of the page has after its first.
const maxDepth = 4

// screens holds every screen's template by depth: links are relative, so that
// the page works below any path that a Caddyfile mounts it at, and how many
// "../" lead to the root depends on the depth of the path alone.
var screens = parseScreens()

func parseScreens() map[string][maxDepth]*template.Template {
	names, err := templateFiles.ReadDir("templates")
	if err != nil {
		panic(err)
	}
	parsed := make(map[string][maxDepth]*template.Template)
	for _, entry := range names {
		name := strings.TrimSuffix(entry.Name(), ".html")
		if name == "layout" || name == "parts" {
			continue
		}
		var byDepth [maxDepth]*template.Template
		for depth := range byDepth {
			root := rootAt(depth)
			byDepth[depth] = template.Must(template.New(name).Funcs(template.FuncMap{
				"path":  func(parts ...string) string { return root + joinPath(parts) },
				"asset": func(name string) string { return root + "assets/" + name + "?v=" + assets[name].version },
				"stamp": stamp,
				"ago":   ago,
			}).ParseFS(templateFiles, "templates/layout.html", "templates/parts.html", "templates/"+entry.Name()))
		}
		parsed[name] = byDepth
	}
	return parsed
}

// render writes one screen. It is executed whole before the first byte goes
// out, so that a failure is an error page and not half a screen.
func (s *Site) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) {
	var b bytes.Buffer
	if err := screens[name][depthOf(r)].ExecuteTemplate(&b, "layout", data); err != nil {
		s.Logger.Error("rendering a screen", zap.String("screen", name), zap.Error(err))
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	body := b.Bytes()
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Accept-Encoding")
	// Compressing is safe here: no other site can make a signed-in request, so
	// none can measure what it adds (BREACH).
	if readsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = zip(body, gzip.BestSpeed)
	}
	w.WriteHeader(status)
	w.Write(body)
}

// redirect answers 303 with a reference relative to the request, because the
// path that the browser asked for may be longer than the one seen here.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	w.Header().Set("Location", rootAt(depthOf(r))+to)
	w.WriteHeader(http.StatusSeeOther)
}

func depthOf(r *http.Request) int {
	return min(strings.Count(strings.TrimPrefix(r.URL.EscapedPath(), "/"), "/"), maxDepth-1)
}

func rootAt(depth int) string {
	if depth == 0 {
		return "./"
	}
	return strings.Repeat("../", depth)
}

// joinPath joins literal parts, which may hold slashes, and names, which are
// escaped: the first part and those that begin with a slash are literal.
func joinPath(parts []string) string {
	var b strings.Builder
	for i, part := range parts {
		if i == 0 || strings.HasPrefix(part, "/") {
			b.WriteString(part)
		} else {
			b.WriteString(url.PathEscape(part))
		}
	}
	return b.String()
}

// stamp takes a time.Time or a *time.Time that is not nil.
func stamp(v any) string {
	return asTime(v).UTC().Format(time.RFC3339)
}

// ago says a time relative to now: "in 5 days", "3 hours ago".
func ago(v any) string {
	d := time.Until(asTime(v))
	if d.Abs() < 45*time.Second {
		return "just now"
	}
	text := span(d.Abs())
	if d > 0 {
		return "in " + text
	}
	return text + " ago"
}

func span(d time.Duration) string {
	for _, unit := range []struct {
		name string
		size time.Duration
	}{
		{"year", 365 * 24 * time.Hour}, {"month", 30 * 24 * time.Hour}, {"day", 24 * time.Hour},
		{"hour", time.Hour}, {"minute", time.Minute},
	} {
		// Rounded, so that a token made a moment ago expires in 90 days, not 89.
		if n := int((d + unit.size/2) / unit.size); d >= unit.size*9/10 && n >= 1 {
			if unit.name == "month" && n < 4 {
				continue // days say more: a default token has 90
			}
			if n == 1 {
				return "1 " + unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "1 minute"
}

func asTime(v any) time.Time {
	if p, ok := v.(*time.Time); ok {
		return *p
	}
	return v.(time.Time)
}
