package webclient

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Files with a place of their own.
const (
	indexPath  = "/index.html"
	framePath  = "/frame.html"
	workerPath = "/sw.js"
)

// types are those of the files, by the ends of their names; what a machine's own tables say of them differs.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".json": "application/json", ".webmanifest": "application/manifest+json", ".svg": "image/svg+xml", ".wasm": "application/wasm",
	".txt": "text/plain; charset=utf-8", ".png": "image/png", ".webp": "image/webp", ".jpg": "image/jpeg", ".ico": "image/x-icon", ".woff2": "font/woff2",
	".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".wav": "audio/wav",
}

// packed are the types that are compressed already.
var packed = map[string]bool{".png": true, ".webp": true, ".jpg": true, ".woff2": true, ".mp3": true, ".ogg": true}

// file is one of the client's.
type file struct {
	kind, policy, cache string
	worker              bool
	content             []byte
	tag                 string                   // of the content
	encoded             map[string]func() []byte // by the names of codings (RFC 9110 8.4.1)
}

// load reads the files that are given away.
func load(all fs.FS) (map[string]*file, error) {
	files := map[string]*file{}
	err := fs.WalkDir(all, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !given(name) {
			return err
		}
		content, err := fs.ReadFile(all, name)
		if err != nil {
			return err
		}
		f, err := newFile("/"+name, content)
		files["/"+name] = f
		return err
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("webclient: %w", err)
	case files[indexPath] == nil || files[framePath] == nil:
		return nil, errors.New("webclient: index.html or frame.html is missing: the client was not built")
	}
	return files, nil
}

// given reports whether a file is for browsers. The rest is of those who build the client.
func given(name string) bool {
	switch "/" + name {
	case indexPath, framePath, workerPath, "/manifest.webmanifest":
		return true
	}
	return strings.HasPrefix(name, "assets/") || strings.HasPrefix(name, "icons/")
}

func newFile(name string, content []byte) (*file, error) {
	end := path.Ext(name)
	f := &file{kind: types[end], policy: ofPage, cache: "no-cache", worker: name == workerPath, content: content}
	if f.kind == "" {
		return nil, fmt.Errorf("%s: of which type files with this end are is not known", name)
	}
	switch {
	case name == framePath:
		f.policy = ofFrame
	case strings.HasPrefix(name, "/assets/"):
		f.cache = "public, max-age=31536000, immutable"
	case strings.HasPrefix(name, "/icons/"):
		f.cache, f.policy = "public, max-age=86400", nothing
	}
	sum := sha256.Sum256(content)
	f.tag = base64.RawURLEncoding.EncodeToString(sum[:12])
	if !packed[end] && len(content) >= smallest {
		f.encoded = map[string]func() []byte{"gzip": sync.OnceValue(f.gzip), "zstd": sync.OnceValue(f.zstd)}
	}
	return f, nil
}

// smallest is what is worth to be compressed.
const smallest = 256

func (f *file) gzip() []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err == nil {
		_, err = w.Write(f.content)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil // memory does not fail; without it the file goes as it is
	}
	return b.Bytes()
}

func (f *file) zstd() []byte {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(window))
	if err != nil {
		return nil
	}
	return w.EncodeAll(f.content, nil)
}

// window is the largest that browsers take (RFC 9659 3).
const window = 8 << 20

// file answers with a file.
func (s *Server) file(name string) http.Handler { return s.files[name] }

// ServeHTTP implements http.Handler.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", f.policy)
	h.Set("Cache-Control", f.cache)
	if f.policy == ofPage {
		h.Set("X-Frame-Options", "DENY")
	}
	if f.worker {
		h.Set("Service-Worker-Allowed", "/")
	}
	content, tag := f.content, f.tag
	if f.encoded != nil {
		h.Set("Vary", "Accept-Encoding")
		if coding := codingOf(r.Header.Values("Accept-Encoding")); coding != "" {
			if packed := f.encoded[coding](); packed != nil {
				content, tag = packed, tag+"-"+coding // RFC 9110 8.8.3: another representation has another tag
				h.Set("Content-Encoding", coding)
			}
		}
	}
	h.Set("ETag", `"`+tag+`"`)
	if matches(r.Header.Values("If-None-Match"), tag) {
		h.Del("Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", f.kind)
	h.Set("Content-Length", strconv.Itoa(len(content)))
	if r.Method != http.MethodHead {
		w.Write(content) // an error means that the browser has gone
	}
}

// matches reports whether a browser has a file already (RFC 9110 13.1.2).
func matches(fields []string, tag string) bool {
	for _, field := range fields {
		for one := range strings.SplitSeq(field, ",") {
			if one = strings.TrimPrefix(strings.TrimSpace(one), "W/"); one == `"`+tag+`"` || one == "*" {
				return true
			}
		}
	}
	return false
}

// codingOf chooses a coding that a browser takes (RFC 9110 12.5.3), "" for none. Which it likes best is not asked: all that exist take gzip,
// and those that take zstd are better off with it.
func codingOf(fields []string) (best string) {
	for _, field := range fields {
		for one := range strings.SplitSeq(field, ",") {
			coding, weight, _ := strings.Cut(strings.TrimSpace(one), ";")
			q, weighed := strings.CutPrefix(strings.TrimSpace(weight), "q=")
			if v, err := strconv.ParseFloat(q, 64); weighed && (err != nil || v == 0) {
				continue
			}
			switch coding = strings.ToLower(strings.TrimSpace(coding)); {
			case coding == "zstd", coding == "gzip" && best == "":
				best = coding
			}
		}
	}
	return best
}
