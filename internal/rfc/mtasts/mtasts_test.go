package mtasts

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestParseRecord(t *testing.T) {
	tests := map[string]struct {
		txt  []string
		id   string
		fail bool
	}{
		"usual":            {[]string{"v=STSv1; id=20160831085700Z;"}, "20160831085700Z", false},
		"tight":            {[]string{"v=STSv1;id=1"}, "1", false},
		"among others":     {[]string{"v=spf1 -all", "v=STSv1 ; id=a; x=y"}, "a", false},
		"extension first":  {[]string{"v=STSv1; x=y; id=b"}, "b", false},
		"none":             {[]string{"v=spf1 -all"}, "", false},
		"no records":       {nil, "", false},
		"version alone":    {[]string{"v=STSv1"}, "", false},
		"another version":  {[]string{"v=STSv10; id=1"}, "", false},
		"case matters":     {[]string{"V=STSv1; id=1"}, "", false},
		"two":              {[]string{"v=STSv1; id=1", "v=STSv1; id=2"}, "", true},
		"without id":       {[]string{"v=STSv1; x=y"}, "", true},
		"empty id":         {[]string{"v=STSv1; id="}, "", true},
		"id with a hyphen": {[]string{"v=STSv1; id=2016-08"}, "", true},
		"id too long":      {[]string{"v=STSv1; id=" + strings.Repeat("1", 33)}, "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if id, err := ParseRecord(tt.txt); id != tt.id || (err != nil) != tt.fail {
				t.Errorf("%q, %v", id, err)
			}
		})
	}
}

const usual = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.Example.NET\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\n"

func TestParse(t *testing.T) {
	p, err := Parse(usual)
	want := Policy{Enforce, []string{"mail.example.com", "*.example.net", "backupmx.example.com"}, 7 * 24 * time.Hour}
	if err != nil || !reflect.DeepEqual(p, want) {
		t.Errorf("%+v, %v", p, err)
	}
	if again, err := Parse(p.Text()); err != nil || !reflect.DeepEqual(again, p) {
		t.Errorf("what is published reads as %+v, %v", again, err)
	}
	replace := func(old, by string) string { return strings.Replace(usual, old, by, 1) }
	for name, text := range map[string]string{
		"LF":               strings.ReplaceAll(usual, "\r\n", "\n"),
		"no last line end": strings.TrimRight(usual, "\r\n"),
		"empty line":       usual + "\r\n",
		"extension":        usual + "x-y: z\r\n",
		"second mode":      usual + "mode: none\r\n",
		"spaces":           replace("mode: enforce", "mode:\t enforce "),
	} {
		if p, err := Parse(text); err != nil || !reflect.DeepEqual(p, want) {
			t.Errorf("%s: %+v, %v", name, p, err)
		}
	}
	if p, err := Parse(replace("604800", "9999999999")); err != nil || p.MaxAge != MaxMaxAge {
		t.Errorf("a long age: %v, %v", p.MaxAge, err)
	}
	if p, err := Parse("version: STSv1\nmode: none\nmax_age: 0\n"); err != nil || p.Mode != None {
		t.Errorf("no policy any more: %+v, %v", p, err)
	}
}

func TestParseRefuses(t *testing.T) {
	replace := func(old, by string) string { return strings.Replace(usual, old, by, 1) }
	for name, text := range map[string]string{
		"empty":           "",
		"no version":      replace("version: STSv1\r\n", ""),
		"another version": replace("STSv1", "STSv2"),
		"no mode":         replace("mode: enforce\r\n", ""),
		"unknown mode":    replace("enforce", "enforced"),
		"no max_age":      replace("max_age: 604800\r\n", ""),
		"negative age":    replace("604800", "-1"),
		"endless age":     replace("604800", "99999999999"),
		"no hosts":        "version: STSv1\nmode: enforce\nmax_age: 1\n",
		"literal":         replace("mail.example.com", "[192.0.2.1]"),
		"bad host":        replace("mail.example.com", "mail..example"),
		"star within":     replace("mail.example.com", "a.*.example"),
		"HTML":            "<html>",
		"too many hosts":  usual + strings.Repeat("mx: a.example\n", MaxHosts),
		"too large":       usual + strings.Repeat("x: y\n", MaxPolicy/5),
	} {
		if p, err := Parse(text); err == nil {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

func TestMatches(t *testing.T) {
	p := Policy{Hosts: []string{"mail.example.com", "*.example.net"}}
	for host, want := range map[string]bool{
		"mail.example.com": true, "a.example.net": true, "example.net": false, "a.b.example.net": false,
		"x.mail.example.com": false, "example.com": false, "": false, ".example.net": true, // no host has that name
	} {
		if p.Matches(host) != want {
			t.Errorf("%q: %v", host, !want)
		}
	}
}

func TestFetch(t *testing.T) {
	large := make([]byte, 10<<20)
	answers := map[string]http.HandlerFunc{
		"mta-sts.good.example": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			w.Write([]byte(usual))
		},
		"mta-sts.gone.example":     http.NotFound,
		"mta-sts.redirect.example": http.RedirectHandler("https://mta-sts.good.example"+Path, http.StatusFound).ServeHTTP,
		"mta-sts.html.example": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			w.Write([]byte(usual))
		},
		"mta-sts.large.example": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.Write([]byte(usual))
			w.Write(large)
		},
	}
	client := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		answer, ok := answers[r.URL.Host]
		if !ok || r.URL.Scheme != "https" || r.URL.Path != "/.well-known/mta-sts.txt" {
			return nil, errors.New("there is no " + r.URL.String())
		}
		w := httptest.NewRecorder()
		answer(w, r)
		return w.Result(), nil
	})}
	for domain, want := range map[string]string{
		"good.example": "", "gone.example": "404", "redirect.example": "302", "html.example": "text/html",
		"large.example": "over 65536 bytes", "nowhere.example": "there is no",
	} {
		p, err := Fetch(t.Context(), client, domain)
		if want == "" && (err != nil || p.Mode != Enforce) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %+v, %v", domain, p, err)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func FuzzParse(f *testing.F) {
	f.Add(usual)
	f.Add("version: STSv1\nmode: none\nmax_age: 0\n")
	f.Add("mx:*.\nmx\x00:")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		if again, err := Parse(p.Text()); err != nil || again.Mode != p.Mode || len(again.Hosts) != len(p.Hosts) || again.MaxAge != p.MaxAge {
			t.Errorf("%+v is published as %+v, %v", p, again, err)
		}
	})
}
