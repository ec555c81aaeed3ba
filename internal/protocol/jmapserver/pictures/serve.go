package pictures

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/infra/fetch"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// Handler answers at the places of pictures.
func (p *Pictures) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+Prefix+"{signature}/{url}", func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
		h.Set("Cache-Control", "no-store")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin") // the signature is what one needs to have
		kind, picture, err := p.fetch(r)
		if err != nil {
			p.refuse(w, r, err)
			return
		}
		h.Set("Content-Type", kind)
		h.Set("Content-Length", strconv.Itoa(len(picture)))
		h.Set("Cache-Control", "private, max-age=86400, immutable")
		w.Write(picture)
	})
	return mux
}

var errBusy = errors.New("too many pictures at a time: try again in a moment")

// fetch brings the picture that a request names.
func (p *Pictures) fetch(r *http.Request) (kind string, picture []byte, err error) {
	account, url, err := p.read(r.PathValue("signature"), r.PathValue("url"))
	if err != nil {
		return "", nil, err
	}
	leave, ok := p.enter(account)
	if !ok {
		return "", nil, mail.E("pictures", mail.Limit, errBusy)
	}
	defer leave()
	answer, err := p.o.Fetch.Do(r.Context(), fetch.Request{URL: url, Plain: true, Redirects: maxRedirects, MaxBytes: MaxPicture, Time: fetchTime,
		Header: http.Header{"Accept": {"image/avif,image/webp,image/png,image/jpeg,image/gif,image/*;q=0.5"}}})
	if err != nil {
		return "", nil, err
	}
	if answer.Status != http.StatusOK {
		return "", nil, mail.E("pictures", mail.Unavailable, errors.New("its server answers with the status "+strconv.Itoa(answer.Status)))
	}
	if kind = kindOf(answer.Body); kind == "" {
		return "", nil, errKind
	}
	return kind, answer.Body, nil
}

var errKind = mail.E("pictures", mail.Invalid, errors.New("it is no picture, or of a kind that is not passed on"))

// kindOf tells a picture by its first bytes; "" for all else.
func kindOf(content []byte) string {
	if len(content) >= 12 && bytes.Equal(content[4:8], []byte("ftyp")) && (bytes.Equal(content[8:12], []byte("avif")) || bytes.Equal(content[8:12], []byte("avis"))) {
		return "image/avif"
	}
	switch kind := http.DetectContentType(content); kind { // known by signatures alone; none of them is text
	case "image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp", "image/x-icon":
		return kind
	}
	return ""
}

// refuse answers without a picture.
func (p *Pictures) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := http.StatusBadGateway
	switch mail.KindOf(err) {
	case mail.NotFound:
		status = http.StatusNotFound
	case mail.Gone:
		status = http.StatusGone
	case mail.Limit:
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", "2")
	case mail.Invalid:
		status = http.StatusUnsupportedMediaType
	case mail.TooLarge:
		status = http.StatusRequestEntityTooLarge
	case mail.Denied:
		status = http.StatusForbidden
	}
	p.o.Log.DebugContext(r.Context(), "pictures: a picture is not brought", "status", status, "err", err)
	http.Error(w, strings.ToUpper(mail.Explain(err)[:1])+mail.Explain(err)[1:], status)
}
