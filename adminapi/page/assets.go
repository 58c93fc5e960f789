package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

// asset is a file of the page, and what is sent in its place to a browser that
// reads gzip.
type asset struct {
	content, zipped []byte
	mediaType       string
	version         string // changes with the content
}

var assets = readAssets()

func readAssets() map[string]asset {
	entries, err := assetFiles.ReadDir("assets")
	if err != nil {
		panic(err)
	}
	read := make(map[string]asset)
	for _, entry := range entries {
		content, err := assetFiles.ReadFile("assets/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		read[entry.Name()] = asset{
			content: content, zipped: zip(content, gzip.BestCompression),
			mediaType: mime.TypeByExtension(path.Ext(entry.Name())), version: hex.EncodeToString(sum[:6]),
		}
	}
	return read
}

// serveAsset lets an asset that is asked for by its version be kept for ever.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := assets[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.mediaType)
	h.Set("Vary", "Accept-Encoding")
	if r.URL.Query().Get("v") == a.version {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	if readsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		w.Write(a.zipped)
		return
	}
	w.Write(a.content)
}

// readsGzip reports whether the client lists gzip among what it reads, as
// every browser does.
func readsGzip(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept-Encoding"), "gzip")
}

func zip(content []byte, level int) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		panic(err)
	}
	z.Write(content)
	z.Close()
	return b.Bytes()
}
