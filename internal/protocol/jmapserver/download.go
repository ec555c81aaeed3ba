package jmapserver

import (
	"errors"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

// maxRanges is how many ranges one answer has at most.
const maxRanges = 8

// anything is the type of what has none.
const anything = "application/octet-stream"

// download gives a blob (RFC 8620 6.2). It says what type the client has asked for, as the RFC wants, which may be what a stranger
// wrote in a mail: nosniff, a sandbox and "attachment" keep a browser from running it in our name. A browser that is signed in by a
// cookie could use it in a page of ours, too, whose policy trusts this server: it hears of types that are shown only, and asks each
// time whether it is signed in still.
func (s *Server) download(w http.ResponseWriter, r *http.Request, u *method.User) {
	b, err := s.openBlob(r, u)
	if err != nil {
		fail(w, s.problemOf(r, u, err))
		return
	}
	defer b.Close()
	h := w.Header()
	kind, how, keep := typeOf(r.URL.Query().Get("type")), "attachment", "private, immutable, max-age=31536000" // a blob never changes
	if u.ByCookie {
		if keep = "private, no-cache"; isShown(kind) {
			how = "inline"
		} else {
			kind = anything
		}
	}
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition(how, r.PathValue("name")))
	h.Set("Cache-Control", keep)
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("ETag", `"`+r.PathValue("blobId")+`"`)
	if strings.Count(r.Header.Get("Range"), ",") >= maxRanges { // going back in a part that is encoded begins anew (RFC 9110 14.2: it may be ignored)
		r.Header.Del("Range")
	}
	http.ServeContent(&patientWriter{ResponseWriter: w}, r, "", time.Time{}, b)
}

func (s *Server) openBlob(r *http.Request, u *method.User) (*blobs.Content, error) {
	if u.Scope&method.Read == 0 {
		return nil, mail.E("jmapserver.download", mail.Denied, errNoReading)
	}
	a, err := s.account(r.Context(), u, r.PathValue("accountId"))
	if err != nil {
		return nil, err
	}
	return s.o.Blobs.Open(r.Context(), a, r.PathValue("blobId"))
}

var errNoReading = errors.New("what you have signed in with does not allow to read mail")

// typeOf is the media type that a client asks for.
func typeOf(asked string) string {
	kind, params, err := mime.ParseMediaType(asked)
	if err != nil || !strings.Contains(kind, "/") {
		return anything
	}
	if text := mime.FormatMediaType(kind, params); text != "" {
		return text
	}
	return anything
}

// isShown reports whether a browser may show what is of a type by itself: pictures without script, sound, film and text. PDF is not among
// them: what shows it in a browser does not run in a sandbox.
func isShown(kind string) bool {
	media, _, _ := strings.Cut(kind, ";")
	switch media {
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/avif", "image/bmp", "text/plain":
		return true
	}
	return strings.HasPrefix(media, "audio/") || strings.HasPrefix(media, "video/")
}

// disposition names the file (RFC 6266). The name may be anything that a stranger wrote.
func disposition(how, name string) string {
	name = strings.Map(func(c rune) rune {
		if c < ' ' || c == 0x7f || c == '/' || c == '\\' {
			return '_'
		}
		return c
	}, name)
	if text := mime.FormatMediaType(how, map[string]string{"filename": name}); text != "" {
		return text
	}
	return how
}

// patientWriter gives the client time for each piece that it takes.
type patientWriter struct{ http.ResponseWriter }

// piece is what a client must take in its time.
const piece = 16 << 10

func (p *patientWriter) Write(b []byte) (written int, err error) {
	for len(b) > 0 && err == nil {
		patient(p.ResponseWriter).SetWriteDeadline(time.Now().Add(patience))
		var n int
		n, err = p.ResponseWriter.Write(b[:min(len(b), piece)])
		b, written = b[n:], written+n
	}
	return written, err
}

// Unwrap is for http.ResponseController.
func (p *patientWriter) Unwrap() http.ResponseWriter { return p.ResponseWriter }
