package emails_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
)

// hostile are messages that nobody would write by accident, or only nearly.
func hostile(t testing.TB) map[string]string {
	all := map[string]string{
		"empty":         "",
		"no header":     "\r\nbody",
		"NUL":           "Subject: a\x00b\r\nFrom: \x00 <a\x00@b>\r\nContent-Type: text/plain; charset=\"\x00\"\r\n\r\na\x00b",
		"8-bit names":   "From: \xe4\xf6 <\xfc@\xff>\r\nContent-Type: t\xe4xt/pl\xe4in; name=\"\xff\xfe\"; charset=\xff\r\nContent-Disposition: \xe4; filename=\xff\r\nContent-ID: <\xff>\r\nContent-Language: \xe4, \xff\r\nContent-Location: \xff\r\n\r\n\xff",
		"charsets":      multipart("text/plain; charset=x-none", "\xff\xfe", "text/plain; charset=utf-16", "\xff\xfea\x00", "text/html; charset=utf-7", "+AGE-+", "text/plain; charset=iso-2022-jp", "\x1b$B\x30"),
		"lying utf-8":   "Content-Type: text/plain; charset=utf-8\r\n\r\n\xc3(\xe2\x82 \xf0\x9f\x92",
		"long line":     "Subject: " + strings.Repeat("=?utf-8?q?=C3=B6?= ", 20000) + "\r\n\r\n" + strings.Repeat("x", 100000),
		"huge header":   strings.Repeat("X-A: "+strings.Repeat("y", 900)+"\r\n", 2000) + "\r\nbody",
		"many fields":   strings.Repeat("To: a@b\r\n", 20000) + "\r\n",
		"many names":    "To: " + strings.Repeat("a@b,", 20000) + "\r\n\r\n",
		"deep":          deep(300),
		"many parts":    "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n", 12000),
		"bad base64":    "Content-Transfer-Encoding: base64\r\n\r\n!!!!YWJj=====\x00ZZ",
		"bad encoding":  "Content-Transfer-Encoding: rot13\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nuryyb",
		"bad type":      "Content-Type: ;;;=\r\nContent-Disposition: ===\r\n\r\nx",
		"bad dates":     "Date: Thu, 99 Feb 99999 99:99:99 +9999\r\nDate: Mon, 1 Jan 0000 00:00:00 -0000\r\n\r\n",
		"addresses":     "From: <>,,;:;\"\r\nTo: \"\\\r\nCc: ((((((((<a@b>\r\nBcc: =?utf-8?b?AAAA?= <=?utf-8?q?=00?=@x>\r\n\r\n",
		"ids":           "Message-ID: <a <b> c>\r\nReferences: <<<>>> <\xff@x> (<c@d>)\r\nIn-Reply-To: \"x\" <>\r\n\r\n",
		"urls":          "List-Unsubscribe: <mailto:a@b\r\n >, <javascript:alert(1)>, <\r\nList-Post: <<a>>\r\n\r\n",
		"digest":        "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\nx\r\n--b--",
		"rfc822 in b64": "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\nU3ViamVjdDogaW4KCng=\r\n--b--",
		"bare CR":       "Subject: a\rb\r\n\r\na\rb\r\r\nc",
	}
	files, err := filepath.Glob("../../../rfc/message/testdata/*.eml")
	if err != nil || len(files) < 20 {
		t.Fatalf("the messages of rfc/message: %d, %v", len(files), err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all[filepath.Base(file)] = string(content)
	}
	return all
}

func multipart(parts ...string) string {
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n")
	for i := 0; i < len(parts); i += 2 {
		fmt.Fprintf(&b, "--b\r\nContent-Type: %s\r\n\r\n%s\r\n", parts[i], parts[i+1])
	}
	return b.String() + "--b--\r\n"
}

func deep(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	return b.String() + "\r\nat the bottom"
}

var (
	everyProperty = []string{"id", "blobId", "threadId", "mailboxIds", "keywords", "size", "receivedAt", "messageId", "inReplyTo", "references",
		"sender", "from", "to", "cc", "bcc", "replyTo", "subject", "sentAt", "hasAttachment", "preview", "bodyValues", "textBody", "htmlBody",
		"attachments", "bodyStructure", "headers"}
	everyBodyProperty = []string{"partId", "blobId", "size", "headers", "name", "type", "charset", "disposition", "cid", "language", "location",
		"subParts", "header:Content-Type", "header:Content-Type:asText:all"}
	fieldsAsked = []string{"From", "To", "Subject", "Date", "Message-ID", "References", "List-Unsubscribe", "X-A", "Content-Type", "Received"}
	formsAsked  = []string{"", ":asText", ":asAddresses", ":asGroupedAddresses", ":asMessageIds", ":asDate", ":asURLs"}
)

// headerProperties are all forms of some fields that these may have.
func headerProperties(s *jmapservertest.Server) (out []string) {
	for _, name := range fieldsAsked {
		for _, form := range formsAsked {
			for _, all := range []string{"", ":all"} {
				key := "header:" + name + form + all
				if response, _ := s.Call("Email/get", map[string]any{"accountId": doortest.Ann.String(), "ids": []string{}, "properties": []string{key}}); response != "error" {
					out = append(out, key)
				}
			}
		}
	}
	return out
}

// TestHostileMail asks for everything of every hostile message, as an email and as a blob: each is answered, in JSON that is well formed, and
// the two agree.
func TestHostileMail(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	headers := headerProperties(s)
	if len(headers) < 60 {
		t.Fatalf("%d properties of header fields", len(headers))
	}
	for name, content := range hostile(t) {
		s.Deliver(doortest.Ann, "INBOX", content)
		email := last(s, doortest.Ann)
		args := map[string]any{"accountId": doortest.Ann.String(), "ids": []string{email.ID.String()}, "properties": append(headers, everyProperty...),
			"bodyProperties": everyBodyProperty, "fetchAllBodyValues": true}
		response, got := s.Call("Email/get", args)
		if response == "error" {
			t.Errorf("%s: %v", name, got)
			continue
		}
		object := got["list"].([]any)[0].(map[string]any)
		checkStrings(t, name, object)
		checkParts(t, name, object, email.Size)

		args["blobIds"], args["maxBodyValueBytes"] = []string{email.Blob.String()}, 10
		delete(args, "ids")
		response, got = s.Call("Email/parse", args)
		parsed, _ := got["parsed"].(map[string]any)
		again, is := parsed[email.Blob.String()].(map[string]any)
		if !is {
			if list := object["headers"].([]any); len(list) > 0 || got["notParsable"] == nil {
				t.Errorf("%s: parsed as %s %v", name, response, got)
			}
			continue
		}
		for _, value := range again["bodyValues"].(map[string]any) {
			if text := value.(map[string]any)["value"].(string); len(text) > 10 {
				t.Errorf("%s: %q is longer than was asked for", name, text)
			}
		}
		for _, key := range []string{"id", "threadId", "mailboxIds", "keywords", "receivedAt", "bodyValues"} {
			delete(object, key)
			delete(again, key)
		}
		a, _ := json.Marshal(object)
		if b, _ := json.Marshal(again); string(a) != string(b) {
			t.Errorf("%s: as an email\n%.2000s\nas a blob\n%.2000s", name, a, b)
		}
	}
}

// checkStrings fails where a text is none that may be in I-JSON.
func checkStrings(t *testing.T, name string, v any) {
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
			t.Errorf("%s: %.200q", name, v)
		}
	case []any:
		for _, e := range v {
			checkStrings(t, name, e)
		}
	case map[string]any:
		for _, e := range v {
			checkStrings(t, name, e)
		}
	}
}

// checkParts holds the lists of parts against the structure.
func checkParts(t *testing.T, name string, object map[string]any, size int64) {
	parts := map[any]map[string]any{}
	var walk func(p map[string]any)
	walk = func(p map[string]any) {
		if p["partId"] != nil {
			if parts[p["partId"]] != nil {
				t.Errorf("%s: two parts are %v", name, p["partId"])
			}
			parts[p["partId"]] = p
		} else if !strings.HasPrefix(p["type"].(string), "multipart/") || p["blobId"] != nil {
			t.Errorf("%s: a part without partId: %v", name, p["type"])
		}
		if list, is := p["subParts"].([]any); is {
			for _, child := range list {
				walk(child.(map[string]any))
			}
		}
	}
	walk(object["bodyStructure"].(map[string]any))
	shown := map[any]bool{}
	for _, list := range []string{"textBody", "htmlBody", "attachments"} {
		for _, p := range object[list].([]any) {
			id := p.(map[string]any)["partId"]
			if parts[id] == nil {
				t.Errorf("%s: %s has %v, which is not in the structure", name, list, id)
			}
			shown[id] = true
		}
	}
	values := object["bodyValues"].(map[string]any)
	for id, p := range parts {
		// RFC 8621 4.1.4: whatever is no body is an attachment.
		if !shown[id] {
			t.Errorf("%s: part %v is in no list", name, id)
		}
		if _, has := values[id.(string)]; has != strings.HasPrefix(p["type"].(string), "text/") {
			t.Errorf("%s: part %v of type %v has a value: %v", name, id, p["type"], has)
		}
		if p["size"].(float64) > float64(size) {
			t.Errorf("%s: part %v has %v bytes of %d", name, id, p["size"], size)
		}
	}
}

// What is read of bodies is counted: the size of a part that is encoded is found by decoding all of it.
func TestWork(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	s.Deliver(doortest.Ann, "INBOX", "Subject: s\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n")
	email := last(s, doortest.Ann)
	for properties, want := range map[string]string{"textBody": "requestTooLarge", "headers": "requestTooLarge", "preview": ""} {
		args := map[string]any{"accountId": doortest.Ann.String(), "ids": []string{email.ID.String()}, "properties": []string{properties}}
		if got := s.CallTired("Email/get", args); got != want {
			t.Errorf("%s: %q", properties, got)
		}
	}
}

// A response is bounded, whatever is asked for.
func TestTooLargeResponse(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	var ids []string
	for i := range 5 {
		s.Deliver(doortest.Ann, "INBOX", fmt.Sprintf("Subject: %d\r\n\r\n%s", i, strings.Repeat("0123456789", 800_000)))
		ids = append(ids, last(s, doortest.Ann).ID.String())
	}
	args := map[string]any{"accountId": doortest.Ann.String(), "ids": ids, "properties": []string{"bodyValues"}, "fetchTextBodyValues": true}
	if response, got := s.Call("Email/get", args); response != "error" || got["type"] != "requestTooLarge" {
		t.Errorf("40 MB are answered with %s %.200v", response, got)
	}
	args["maxBodyValueBytes"] = 1000
	if response, got := s.Call("Email/get", args); response != "Email/get" || len(got["list"].([]any)) != 5 {
		t.Errorf("%s %.200v", response, got)
	}
}
