package jmapserver_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

var upAnn = "/jmap/upload/" + doortest.Ann.String() + "/"

// upload uploads a text and returns its blobId.
func (d *door) upload(content string) string {
	d.T.Helper()
	answer := d.do(request("POST", upAnn, content, "Content-Type", "text/x-test; a=b"))
	v := object(d.T, answer)
	if answer.StatusCode != 201 || v["accountId"] != doortest.Ann.String() || v["type"] != "text/x-test; a=b" || v["size"] != float64(len(content)) {
		d.T.Fatalf("%s %v", answer.Status, v)
	}
	return v["blobId"].(string)
}

func (d *door) download(blobID, rest string, fields ...string) *http.Response {
	return d.do(request("GET", "/jmap/download/"+doortest.Ann.String()+"/"+blobID+"/"+rest, "", fields...))
}

func TestUpload(t *testing.T) {
	d := open(t)
	id := d.upload("hello")
	if again := d.upload("hello"); again != id {
		t.Errorf("the same content is %s and %s", id, again)
	}
	if got := text(t, d.download(id, "x")); got != "hello" {
		t.Errorf("it is %q", got)
	}
	if id := d.upload(""); text(t, d.download(id, "x")) != "" {
		t.Error("nothing is something")
	}
	d.upload(strings.Repeat("x", maxUpload))
	large := strings.Repeat("x", maxUpload+1)
	wantProblem(t, "large", d.do(request("POST", upAnn, large)), 413, method.LimitExceeded, "maxSizeUpload")
	r := request("POST", upAnn, large)
	r.ContentLength = -1
	wantProblem(t, "large, without a length", d.do(r), 413, method.LimitExceeded, "maxSizeUpload")
	if got := object(t, d.do(request("POST", upAnn, "x", "Content-Type", "text/\xff")))["type"]; got != "text/\uFFFD" {
		t.Errorf("a type that is no UTF-8 is answered as %q", got)
	}
	wantProblem(t, "another's account", d.do(request("POST", "/jmap/upload/"+doortest.Bob.String()+"/", "x")), 404, "about:blank", "")
	wantProblem(t, "no account", d.do(request("POST", "/jmap/upload/x/", "x")), 404, "about:blank", "")
}

func TestDownload(t *testing.T) {
	d := open(t)
	id := d.upload("0123456789")
	for _, tt := range []struct {
		ranges      string
		status      int
		want, where string
	}{
		{"", 200, "0123456789", ""},
		{"bytes=2-4", 206, "234", "bytes 2-4/10"},
		{"bytes=8-", 206, "89", "bytes 8-9/10"},
		{"bytes=-3", 206, "789", "bytes 7-9/10"},
		{"bytes=20-", 416, "", "bytes */10"},
	} {
		answer := d.download(id, "x", "Range", tt.ranges)
		got := text(t, answer)
		if answer.StatusCode != tt.status || answer.StatusCode < 300 && got != tt.want || answer.Header.Get("Content-Range") != tt.where {
			t.Errorf("%s: %s %q %q", tt.ranges, answer.Status, got, answer.Header.Get("Content-Range"))
		}
	}
	for rest, want := range map[string][2]string{
		"a.txt?type=text/plain":        {"text/plain", `attachment; filename=a.txt`},
		"a.txt":                        {"application/octet-stream", `attachment; filename=a.txt`},
		"a%20b?type=text/html%3Bx%3Dy": {"text/html; x=y", `attachment; filename="a b"`},
		"x?type=nonsense":              {"application/octet-stream", `attachment; filename=x`},
		"x?type=text/plain%0d%0aX:%20": {"application/octet-stream", `attachment; filename=x`},
		"a%0d%0ab%22":                  {"application/octet-stream", `attachment; filename="a__b\""`},
		"%C3%BC.pdf":                   {"application/octet-stream", `attachment; filename*=utf-8''%C3%BC.pdf`},
		"":                             {"application/octet-stream", `attachment; filename=""`},
	} {
		h := d.download(id, rest).Header
		if h.Get("Content-Type") != want[0] || h.Get("Content-Disposition") != want[1] {
			t.Errorf("%s: %q, %q", rest, h.Get("Content-Type"), h.Get("Content-Disposition"))
		}
		if !strings.Contains(h.Get("Content-Security-Policy"), "sandbox") || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("a browser may run it: %v", h)
		}
	}
	if answer := d.download(id, "x", "If-None-Match", `"`+id+`"`); answer.StatusCode != 304 {
		t.Errorf("what the client has: %s", answer.Status)
	}
}

// Blobs of others are not there, whoever shares what.
func TestDownloadOfOthers(t *testing.T) {
	d := open(t)
	id := d.upload("mine")
	asBob := func(path string) *http.Response {
		r := request("GET", path, "")
		r.SetBasicAuth(doortest.BobAddress, doortest.BobPassword)
		return d.do(r)
	}
	for _, path := range []string{
		"/jmap/download/" + doortest.Ann.String() + "/" + id + "/x",
		"/jmap/download/" + doortest.Bob.String() + "/" + id + "/x",
		"/jmap/download/" + doortest.Bob.String() + "/" + id + "-1/x",
		"/jmap/download/" + doortest.Bob.String() + "/nothing/x",
		"/jmap/download/nobody/" + id + "/x",
	} {
		wantProblem(t, path, asBob(path), 404, "about:blank", "")
	}
}

// A part of a message comes decoded, and in ranges.
func TestDownloadPart(t *testing.T) {
	d := open(t)
	var lines strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&lines, "line %d=3D\r\n", i)
	}
	decoded := strings.ReplaceAll(lines.String(), "=3D", "=")
	content := "Subject: x\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nplain\r\n" +
		"--b\r\nContent-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" + lines.String() + "\r\n--b\r\nContent-Transfer-Encoding: base64\r\n\r\naGVsbG8=\r\n--b--\r\n"
	blob := d.upload(content)
	for part, want := range map[string]string{"-1": "plain", "-2": decoded, "-3": "hello", "": content} {
		if got := text(t, d.download(blob+part, "x")); got != want {
			t.Errorf("part %s has %d bytes, want %d", part, len(got), len(want))
		}
	}
	for _, at := range [][2]int{{0, 9}, {20_000, 20_100}, {100, 200}, {len(decoded) - 5, len(decoded) - 1}} {
		answer := d.download(blob+"-2", "x", "Range", fmt.Sprintf("bytes=%d-%d", at[0], at[1]))
		if got := text(t, answer); answer.StatusCode != 206 || got != decoded[at[0]:at[1]+1] {
			t.Errorf("%v: %s, %q", at, answer.Status, got)
		}
	}
	answer := d.download(blob+"-2", "x", "Range", "bytes=10-19,0-4,30000-30009")
	if got := text(t, answer); answer.StatusCode != 206 || !strings.Contains(got, decoded[10:20]) || !strings.Contains(got, decoded[30000:30010]) {
		t.Errorf("several ranges: %s %.200q", answer.Status, got)
	}
	ranges := strings.TrimSuffix(strings.Repeat("5-5,", 9), ",")
	if answer := d.download(blob+"-2", "x", "Range", "bytes="+ranges); answer.StatusCode != 200 || text(t, answer) != decoded {
		t.Errorf("very many ranges: %s", answer.Status)
	}
	for _, none := range []string{"-4", "-0", "-1-1", "-1-2-3", "-1.1", "-", "-01", "-x"} {
		wantProblem(t, none, d.download(blob+none, "x"), 404, "about:blank", "")
	}
}
