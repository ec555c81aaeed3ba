package jmapserver_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// cookie is one that is good or not.
type cookie struct{ in *auth.SignIn }

func (cookie) Sent(r *http.Request) bool { return r.Header.Get("Cookie") != "" }

func (c cookie) SignedIn(context.Context, *http.Request) (auth.SignIn, error) {
	if c.in == nil {
		return auth.SignIn{}, mail.E("test", mail.Denied, errors.New("no"))
	}
	return *c.in, nil
}

// byPage is a request of a page of ours.
func byPage(verb, url, body string) *http.Request {
	r := httptest.NewRequest(verb, url, strings.NewReader(body))
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Cookie", "x=y")
	return r
}

func TestCookie(t *testing.T) {
	d := open(t)
	d.cookie.in = d.verify()
	answer := d.do(byPage("GET", "/.well-known/jmap", ""))
	if got := object(t, answer); answer.StatusCode != 200 || got["username"] != doortest.AnnAddress {
		t.Errorf("%s: %v", answer.Status, got)
	}
	if answer.Header.Get("Access-Control-Allow-Credentials") != "" {
		t.Error("pages of others may use the cookie")
	}
	r := byPage("GET", "/.well-known/jmap", "")
	r.SetBasicAuth(doortest.AnnAddress, "wrong")
	if answer := d.do(r); answer.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong password beside a cookie: %s", answer.Status)
	}
	d.cookie.in = nil
	for _, r := range []*http.Request{byPage("GET", "/.well-known/jmap", ""), request("GET", "/.well-known/jmap", "", "Authorization", "", "Sec-Fetch-Site", "same-origin")} {
		answer = d.do(r)
		if asked := strings.Join(answer.Header.Values("WWW-Authenticate"), ", "); answer.StatusCode != http.StatusUnauthorized || strings.Contains(asked, "Basic") || asked == "" {
			t.Errorf("refused: %s, %q", answer.Status, asked)
		}
	}
}

// What a stranger has sent is no page, script or style of this server, whatever it says that it is, and whatever a link asks for.
func TestHostileDownload(t *testing.T) {
	d := open(t)
	d.cookie.in = d.verify()
	id := d.upload("<script>alert(1)</script>")
	for kind, want := range map[string][2]string{
		"text/html":                        {"application/octet-stream", "attachment"},
		"text/html;charset=utf-8":          {"application/octet-stream", "attachment"},
		"TEXT/HTML":                        {"application/octet-stream", "attachment"},
		"application/xhtml+xml":            {"application/octet-stream", "attachment"},
		"image/svg+xml":                    {"application/octet-stream", "attachment"},
		"image/svg%2Bxml":                  {"application/octet-stream", "attachment"},
		"text/xml":                         {"application/octet-stream", "attachment"},
		"application/xslt+xml":             {"application/octet-stream", "attachment"},
		"text/javascript":                  {"application/octet-stream", "attachment"},
		"application/javascript":           {"application/octet-stream", "attachment"},
		"text/css":                         {"application/octet-stream", "attachment"},
		"application/wasm":                 {"application/octet-stream", "attachment"},
		"application/json":                 {"application/octet-stream", "attachment"},
		"application/pdf":                  {"application/octet-stream", "attachment"},
		"multipart/x-mixed-replace":        {"application/octet-stream", "attachment"},
		"message/rfc822":                   {"application/octet-stream", "attachment"},
		"text/cache-manifest":              {"application/octet-stream", "attachment"},
		"application/x-shockwave-flash":    {"application/octet-stream", "attachment"},
		"image/png%0d%0aX-Injected:%20yes": {"application/octet-stream", "attachment"},
		"image/png,text/html":              {"application/octet-stream", "attachment"},
		"image/png text/html":              {"application/octet-stream", "attachment"},
		"*/*":                              {"application/octet-stream", "attachment"},
		"":                                 {"application/octet-stream", "attachment"},
		"image/png":                        {"image/png", "inline"},
		"image/jpeg":                       {"image/jpeg", "inline"},
		"text/plain":                       {"text/plain", "inline"},
		"text/plain%3Bcharset=utf-8":       {"text/plain; charset=utf-8", "inline"},
		"video/mp4":                        {"video/mp4", "inline"},
	} {
		answer := d.do(byPage("GET", "/jmap/download/"+doortest.Ann.String()+"/"+id+"/a.html?type="+strings.ReplaceAll(kind, " ", "%20"), ""))
		h := answer.Header
		how, _, _ := strings.Cut(h.Get("Content-Disposition"), ";")
		if answer.StatusCode != 200 || h.Get("Content-Type") != want[0] || how != want[1] || h.Get("X-Injected") != "" {
			t.Errorf("%s: %s %q %q", kind, answer.Status, h.Get("Content-Type"), h.Get("Content-Disposition"))
		}
		policy := h.Get("Content-Security-Policy")
		if h.Get("X-Content-Type-Options") != "nosniff" || !strings.HasPrefix(policy, "default-src 'none'") || !strings.Contains(policy, "; sandbox") || strings.Contains(policy, "allow-") ||
			h.Get("Cross-Origin-Resource-Policy") != "same-origin" || h.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: %v", kind, h)
		}
	}
}
