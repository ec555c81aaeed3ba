package writing_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/blobs"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/writing"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

var engines = map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres}

const maxMessage = 100_000

func open(t testing.TB, on doortest.Engine) *jmapservertest.Server {
	return jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) {
		e := emails.New(emails.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies})
		e.Register(r)
		b := blobs.New(blobs.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies})
		writing.New(writing.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies, Blobs: b, Emails: e, Hostname: doortest.Hostname, MaxMessage: maxMessage,
			Now: func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }}).Register(r)
	})
}

const report = "Received: from x by y; Mon, 2 Nov 2026 10:00:00 +0100\r\nReceived: from z by x; Sun, 1 Nov 2026 10:00:00 +0100\r\n" +
	"Subject: report\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n" +
	"Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\nAAECAw==\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: inner\r\n\r\ninside\r\n--b--\r\n"

// vars are the variables of the golden files: Ann's mailboxes, and an email in her Archive with its blob.
func vars(s *jmapservertest.Server) map[string]string {
	out := map[string]string{}
	for _, who := range []mail.AccountID{doortest.Ann, doortest.Bob} {
		of := map[mail.AccountID]string{doortest.Bob: "bob"}[who]
		for _, path := range []string{"INBOX", "Archive", "Drafts", "Trash", "Sent"} {
			out[of+strings.ToLower(path)] = s.Path(who, path).ID.String()
		}
	}
	s.Deliver(doortest.Ann, "Archive", report)
	e := last(s, doortest.Ann)
	out["email"], out["thread"], out["blob"] = e.ID.String(), e.Thread.String(), e.Blob.String()
	s.Deliver(doortest.Bob, "INBOX", "Subject: bob's\r\n\r\n")
	e = last(s, doortest.Bob)
	out["bobemail"], out["bobblob"] = e.ID.String(), e.Blob.String()
	share(s, "Sent", mail.RightLookup|mail.RightRead|mail.RightDeleteMessages|mail.RightExpunge)
	uids := s.Deliver(doortest.Ann, "Sent", "Subject: shared\r\n\r\n")
	out["shared"] = last(s, doortest.Ann).ID.String()
	_, err := s.Mailbox.As(doortest.Ann).StoreFlags(context.WithoutCancel(s.T.Context()), doortest.Ann, s.Path(doortest.Ann, "Sent").ID,
		imap.Set{{Start: uint32(uids[0]), Stop: uint32(uids[0])}}, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: mail.Flags{Bits: mail.Seen}})
	s.Must(err)
	return out
}

// share gives Bob rights to a mailbox of Ann's.
func share(s *jmapservertest.Server, path string, rights mail.Rights) {
	s.T.Helper()
	id := s.Path(doortest.Ann, path).ID
	s.Must(s.Tx.Write(context.WithoutCancel(s.T.Context()), []mail.AccountID{doortest.Ann, doortest.Bob}, func(t *tx.Tx) error {
		return s.Mailbox.As(doortest.Ann).Grant(t, doortest.Ann, id, mailbox.SetRights, mailbox.Grant{Grantee: doortest.Bob, Rights: rights})
	}))
}

// last is the newest email of an account.
func last(s *jmapservertest.Server, account mail.AccountID) (e mailbox.Email) {
	s.T.Helper()
	s.Read(func(t *tx.Tx) error {
		ids, err := s.Mailbox.EmailIDs(t, account, 1000)
		if err == nil {
			e, err = s.Mailbox.Email(t, account, ids[len(ids)-1])
		}
		return err
	})
	return e
}

// content is the message of the newest email of Ann.
func content(s *jmapservertest.Server) string {
	s.T.Helper()
	body, err := s.Bodies.Open(context.WithoutCancel(s.T.Context()), doortest.Ann, last(s, doortest.Ann).Blob)
	s.Must(err)
	defer body.Close()
	b, err := io.ReadAll(io.NewSectionReader(body, 0, body.Size()))
	s.Must(err)
	return string(b)
}

func TestGolden(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/golden/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
				s := open(t, engine)
				return s, vars(s)
			})
		})
	}
}

// create creates an email of an object's members, beside mailboxIds, and returns what was answered for it.
func create(s *jmapservertest.Server, v map[string]string, members string) (created, refused map[string]any) {
	s.T.Helper()
	for name, value := range v {
		members = strings.ReplaceAll(members, "$"+name+"\"", value+"\"")
		members = strings.ReplaceAll(members, "$"+name+"-", value+"-")
	}
	args := fmt.Sprintf(`{"accountId":%q,"create":{"k":{"mailboxIds":{%q:true}%s}}}`, doortest.Ann, v["drafts"], members)
	name, r := s.Call("Email/set", args)
	if name == "error" {
		s.T.Fatalf("%s: %v", members, r)
	}
	one := func(key string) map[string]any {
		all, _ := r[key].(map[string]any)
		k, _ := all["k"].(map[string]any)
		return k
	}
	return one("created"), one("notCreated")
}

// What contradicts itself, or is of the wrong type, is refused and says which property it is; nothing is created.
func TestRefusedDrafts(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	v := vars(s)
	before := s.Path(doortest.Ann, "Drafts")
	for _, tt := range []struct{ members, kind, properties string }{
		{`,"headers":[]`, "invalidProperties", "headers"},
		{`,"id":"M1"`, "invalidProperties", "id"},
		{`,"size":3,"preview":"x"`, "invalidProperties", "size preview"},
		{`,"frmo":null`, "invalidProperties", "frmo"},
		{`,"from":"joe@example.org"`, "invalidProperties", "from"},
		{`,"from":[{"mail":"joe@example.org"}]`, "invalidProperties", "from"},
		{`,"from":[{"email":"a@b.example\r\nBcc: x"}]`, "invalidProperties", "from"},
		{`,"subject":["x"]`, "invalidProperties", "subject"},
		{`,"subject":"a\nb"`, "invalidProperties", "subject"},
		{`,"sentAt":"yesterday"`, "invalidProperties", "sentAt"},
		{`,"sentAt":1`, "invalidProperties", "sentAt"},
		{`,"receivedAt":"2026-01-01T00:00:00+01:00"`, "invalidProperties", "receivedAt"},
		{`,"messageId":["a b"]`, "invalidProperties", "messageId"},
		{`,"keywords":["$seen"]`, "invalidProperties", "keywords"},
		{`,"keywords":{"$seen":false}`, "invalidProperties", "keywords"},
		{`,"keywords":{"a b":true}`, "invalidProperties", "keywords"},
		{`,"header:From":"x","from":[{"email":"x@example.org"}]`, "invalidProperties", "header:From from"},
		{`,"header:Subject:asAddresses":[]`, "invalidProperties", "header:Subject:asAddresses"},
		{`,"header:X:asTexts":"x"`, "invalidProperties", "header:X:asTexts"},
		{`,"header:X:all":"x"`, "invalidProperties", "header:X:all"},
		{`,"header:X":"a\r\nBcc: x"`, "invalidProperties", "header:X"},
		{`,"header:Content-Type":"text/plain"`, "invalidProperties", "header:Content-Type"},
		{`,"bodyStructure":{"partId":"1"},"bodyValues":{"1":{"value":"x"}},"textBody":[]`, "invalidProperties", "bodyStructure textBody"},
		{`,"bodyStructure":{"partId":"1","header:Subject":"x"},"subject":"y","bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "bodyStructure"},
		{`,"bodyStructure":[]`, "invalidProperties", "bodyStructure"},
		{`,"bodyStructure":{"type":"multipart/mixed"}`, "invalidProperties", "bodyStructure"},
		{`,"bodyStructure":{"type":"text/plain"}`, "invalidProperties", "bodyStructure"},
		{`,"bodyStructure":{"type":"text/plain","subParts":[{"partId":"1"}]},"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "bodyStructure"},
		{`,"bodyStructure":{"subParts":[{"partId":"2"}]},"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "bodyStructure"},
		{`,"textBody":[{"partId":"1","blobId":"$blob"}],"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "textBody"},
		{`,"textBody":[{"partId":"1","charset":"utf-8"}],"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "textBody"},
		{`,"textBody":[{"partId":"1","size":1}],"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "textBody"},
		{`,"textBody":[{"partId":"1","headers":[]}],"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "textBody"},
		{`,"textBody":[{"partId":"1","header:Content-Transfer-Encoding":"8bit"}],"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "textBody"},
		{`,"textBody":[{"partId":"1","type":"text/html"}],"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "textBody"},
		{`,"textBody":[{"partId":"1"},{"partId":"1"}],"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "textBody"},
		{`,"textBody":[]`, "invalidProperties", "textBody"},
		{`,"htmlBody":[{"partId":"1","type":"text/plain"}],"bodyValues":{"1":{"value":"x"}}`, "invalidProperties", "htmlBody"},
		{`,"textBody":[{"partId":"1"}],"bodyValues":{"1":{"value":"x","isTruncated":true}}`, "invalidProperties", "bodyValues"},
		{`,"textBody":[{"partId":"1"}],"bodyValues":{"1":{"value":"x","isEncodingProblem":true}}`, "invalidProperties", "bodyValues"},
		{`,"textBody":[{"partId":"1"}],"bodyValues":{"1":"x"}`, "invalidProperties", "bodyValues"},
		{`,"attachments":[{"blobId":"$blob","disposition":"a\r\nb"}]`, "invalidProperties", "attachments"},
		{`,"attachments":[{"blobId":"$blob","cid":"<a>"}]`, "invalidProperties", "attachments"},
		{`,"attachments":[{"blobId":"$blob","cid":"a","header:Content-ID":"<b>"}]`, "invalidProperties", "attachments"},
		{`,"attachments":[{"blobId":"$blob","type":"text/plain","header:Content-Type":"text/html"}]`, "invalidProperties", "attachments"},
		{`,"attachments":[{"blobId":"$blob","header:Content-Type":"text/html","type":"text/plain"}]`, "invalidProperties", "attachments"},
		{`,"attachments":[{"blobId":"$blob","language":["d e"]}]`, "invalidProperties", "attachments"},
		{`,"attachments":[{"blobId":"$blob","type":"x"}]`, "invalidProperties", "attachments"},
		{`,"attachments":[{"blobId":7}]`, "invalidProperties", "attachments"},
		{`,"attachments":[{"blobId":"$blob","shape":"round"}]`, "invalidProperties", "attachments"},
		{`,"attachments":[{"blobId":"nothing"},{"blobId":"$bobblob"},{"blobId":"$blob-9"},{"blobId":"#none"},{"blobId":"$blob"}]`, "blobNotFound", ""},
	} {
		created, refused := create(s, v, tt.members)
		var names []string
		list, _ := refused["properties"].([]any)
		for _, p := range list {
			names = append(names, p.(string))
		}
		if created != nil || refused["type"] != tt.kind || strings.Join(names, " ") != tt.properties || refused["description"] == "" {
			t.Errorf("%s: created %v, refused %v", tt.members, created, refused)
		}
		if missing, _ := refused["notFound"].([]any); tt.kind == "blobNotFound" && len(missing) != 4 {
			t.Errorf("%s: %v", tt.members, refused)
		}
	}
	if after := s.Path(doortest.Ann, "Drafts"); after.UIDNext != before.UIDNext || after.ModSeq != before.ModSeq {
		t.Errorf("something was created: %+v", after)
	}
}

// The message of a draft, byte for byte but for boundary and Message-ID.
func TestMessages(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	v := vars(s)
	for _, tt := range []struct{ name, members, want string }{
		{"nothing", ``, "Message-ID: <ID@mail.example.org>\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"},
		{"simple", `,"from":[{"name":"Jöe","email":"joe@example.com"}],"to":[{"name":null,"email":"j@example.org"}],"cc":[],"bcc":null,"subject":"Hi","sentAt":"2026-01-02T03:04:05+08:00",
			"inReplyTo":["a@b","c@d"],"textBody":[{"partId":"1"}],"bodyValues":{"1":{"value":"one\ntwo"}}`,
			"From: =?utf-8?q?J=C3=B6e?= <joe@example.com>\nTo: j@example.org\nSubject: Hi\nDate: Fri, 2 Jan 2026 03:04:05 +0800\nIn-Reply-To: <a@b> <c@d>\n" +
				"Message-ID: <ID@example.com>\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\none\ntwo\n"},
		{"headers", `,"messageId":["x@y"],"header:X-All:asText:all":["1","ü"],"header:Raw":" a\r\n b","header:To:asGroupedAddresses":[{"name":"Friends","addresses":[{"email":"a@b.example"}]},{"name":null,"addresses":[]}],
			"header:List-Post:asURLs":["mailto:x@y.example"],"header:Date":"today","header:MIME-Version":"1.0","header:X-None":null`,
			"Message-ID: <x@y>\nX-All: 1\nX-All: =?utf-8?q?=C3=BC?=\nRaw: a\n b\nTo: Friends: a@b.example;\nList-Post: <mailto:x@y.example>\nDate:today\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n\n"},
		{"all parts", `,"messageId":["x@y"],"textBody":[{"partId":"t"}],"htmlBody":[{"partId":"h"}],"bodyValues":{"t":{"value":"text"},"h":{"value":"<b>ü</b>"}},
			"attachments":[{"blobId":"$blob-2","type":"image/png","cid":"pic","name":"ü.png"},{"blobId":"$blob-1","type":"text/plain","charset":"us-ascii","language":["en","de"],"location":"http://x.example/"},
			{"blobId":"$blob-2","cid":"other","disposition":"attachment","type":"image/png"},{"blobId":"$blob-3","type":"message/rfc822","size":7}]`,
			"Message-ID: <x@y>\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B1\"\n\n" +
				"--B1\nContent-Type: multipart/alternative; boundary=\"B2\"\n\n--B2\nContent-Type: text/plain; charset=utf-8\n\ntext\n" +
				"--B2\nContent-Type: multipart/related; type=\"text/html\"; boundary=\"B3\"\n\n" +
				"--B3\nContent-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n<b>=C3=BC</b>\n" +
				"--B3\nContent-Type: image/png; name*=utf-8''%C3%BC.png\nContent-Transfer-Encoding: base64\nContent-ID: <pic>\nContent-Disposition: inline; filename*=utf-8''%C3%BC.png\n\nAAECAw==\n--B3--\n--B2--\n" +
				"--B1\nContent-Type: text/plain; charset=us-ascii\nContent-Language: en, de\nContent-Location: http://x.example/\nContent-Disposition: attachment\n\nhello\n" +
				"--B1\nContent-Type: image/png\nContent-Transfer-Encoding: base64\nContent-ID: <other>\nContent-Disposition: attachment\n\nAAECAw==\n" +
				"--B1\nContent-Type: message/rfc822\nContent-Disposition: attachment\n\nSubject: inner\n\ninside\n--B1--\n"},
		{"structure", `,"messageId":["x@y"],"subject":"s","bodyStructure":{"header:X-Root":" r","subParts":[{"partId":"a","header:Content-Type":"text/plain; charset=x; format=flowed","header:X-Part:asText":"p"},
			{"type":"multipart/alternative","subParts":[{"partId":"a","type":"text/html","disposition":"inline","name":"n.html"}]}]},"bodyValues":{"a":{"value":"x"}}`,
			"Message-ID: <x@y>\nSubject: s\nX-Root: r\nDate: Sun, 22 Nov 2026 12:00:00 +0000\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"B1\"\n\n" +
				"--B1\nContent-Type: text/plain; format=flowed; charset=utf-8\nX-Part: p\n\nx\n--B1\nContent-Type: multipart/alternative; boundary=\"B2\"\n\n" +
				"--B2\nContent-Type: text/html; name=n.html; charset=utf-8\nContent-Disposition: inline; filename=n.html\n\nx\n--B2--\n--B1--\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			created, refused := create(s, v, tt.members)
			if created == nil {
				t.Fatal(refused)
			}
			got := content(s)
			if float64(len(got)) != created["size"] {
				t.Errorf("size %v of %d", created["size"], len(got))
			}
			if got = plain(got); got != tt.want {
				t.Errorf("%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// plain is a message with LF, and with names in the place of what is random.
func plain(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	for n := 1; ; n++ {
		_, rest, ok := strings.Cut(s, `boundary="=_`)
		if !ok {
			break
		}
		b, _, _ := strings.Cut(rest, `"`)
		s = strings.ReplaceAll(s, "=_"+b, fmt.Sprintf("B%d", n))
	}
	// Folds depend on the length of a boundary.
	s = strings.ReplaceAll(s, ";\n boundary=", "; boundary=")
	if before, rest, ok := strings.Cut(s, "Message-ID: <"); ok {
		if id, after, _ := strings.Cut(rest, "@"); len(id) == 26 {
			s = before + "Message-ID: <ID@" + after
		}
	}
	return s
}

func TestLimits(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	v := vars(s)
	long := strings.Repeat("x", 990)
	var fields strings.Builder
	for i := range 600 {
		fmt.Fprintf(&fields, `,"header:X-%d":%q`, i, long)
	}
	var many []string
	for range 1001 {
		many = append(many, `{"blobId":"`+v["blob"]+`-1"}`)
	}
	deep := `{"partId":"1"}`
	for range 45 {
		deep = `{"subParts":[` + deep + `]}`
	}
	var words []string
	for i := range 150 {
		words = append(words, fmt.Sprintf(`"k%d":true`, i))
	}
	for name, tt := range map[string]struct{ members, kind string }{
		"large message":     {`,"textBody":[{"partId":"1"}],"bodyValues":{"1":{"value":"` + strings.Repeat("x y ", maxMessage/4) + `"}}`, "tooLarge"},
		"long header":       {fields.String(), "invalidProperties"},
		"many parts":        {`,"attachments":[` + strings.Join(many, ",") + `]`, "invalidProperties"},
		"deep":              {`,"bodyStructure":` + deep + `,"bodyValues":{"1":{"value":""}}`, ""},
		"too many keywords": {`,"keywords":{` + strings.Join(words, ",") + `}`, "tooManyKeywords"},
		"a few too many":    {`,"keywords":{` + strings.Join(words[:101], ",") + `}`, "tooManyKeywords"},
	} {
		created, refused := create(s, v, tt.members)
		if kind, _ := refused["type"].(string); kind != tt.kind || (created == nil) == (tt.kind == "") {
			t.Errorf("%s: %.300v", name, refused)
		}
		if tt.kind == "tooLarge" && refused["maxSize"] != float64(maxMessage) {
			t.Errorf("%v", refused)
		}
	}
	if n := stored(s); n != 4 { // report, bob's, the shared one, and the deep one
		t.Errorf("%d bodies are stored", n)
	}
}

func stored(s *jmapservertest.Server) (n int) {
	s.Must(s.Blobs.List(context.Background(), func(blob.Found) error { n++; return nil }))
	return n
}

// Many changes at once take several commits, and a client that knows oldState misses nothing.
func TestManyChanges(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			s := open(t, engine)
			v := vars(s)
			creates := map[string]any{}
			for i := range 200 {
				creates[fmt.Sprint("k", i)] = map[string]any{"mailboxIds": map[string]bool{v["drafts"]: true, v["archive"]: true}, "subject": fmt.Sprint(i)}
			}
			_, r := s.Call("Email/set", map[string]any{"accountId": doortest.Ann.String(), "create": creates})
			created := r["created"].(map[string]any)
			if len(created) != 200 || r["oldState"] == r["newState"] {
				t.Fatalf("%.300v", r)
			}
			state, updates, destroy := r["newState"], map[string]any{}, []string{}
			for key, c := range created {
				id := c.(map[string]any)["id"].(string)
				if strings.HasSuffix(key, "7") {
					destroy = append(destroy, id)
				} else {
					updates[id] = map[string]any{"keywords/$seen": true, "mailboxIds/" + v["drafts"]: nil}
				}
			}
			_, r = s.Call("Email/set", map[string]any{"accountId": doortest.Ann.String(), "ifInState": state, "update": updates, "destroy": destroy})
			if r["oldState"] != state || len(r["updated"].(map[string]any)) != 180 || len(r["destroyed"].([]any)) != 20 {
				t.Fatalf("%.300v", r)
			}
			_, got := s.Call("Email/get", map[string]any{"accountId": doortest.Ann.String(), "ids": destroy[:1], "properties": []string{"id"}})
			if got["state"] != r["newState"] {
				t.Errorf("the state is %v, told was %v", got["state"], r["newState"])
			}
			if d, a := s.Path(doortest.Ann, "Drafts"), s.Path(doortest.Ann, "Archive"); d.Messages != 0 || a.Messages != 181 || a.Unseen != 1 {
				t.Errorf("drafts %+v, archive %+v", d, a)
			}
		})
	}
}

// Accepted means kept: a created email is there for another store over the same database, and a commit that fails leaves nothing.
func TestCreatedIsDurable(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	v := vars(s)
	created, _ := create(s, v, `,"subject":"kept"`)
	other := mailbox.New(mailbox.Options{Tx: s.Tx, Bodies: s.Bodies})
	s.Read(func(t *tx.Tx) error {
		id, err := mail.ParseEmailID(created["id"].(string))
		s.Must(err)
		_, err = other.Email(t, doortest.Ann, id)
		return err
	})
	s.Blobs.Fail = func(op string) error {
		if op == "put" {
			return mail.E("disk", mail.Unavailable, io.ErrShortWrite)
		}
		return nil
	}
	name, r := s.Call("Email/set", fmt.Sprintf(`{"accountId":%q,"create":{"k":{"mailboxIds":{%q:true}}}}`, doortest.Ann, v["drafts"]))
	if name != "error" || r["type"] != "serverUnavailable" {
		t.Errorf("%s %v", name, r)
	}
	if s.Path(doortest.Ann, "Drafts").Messages != 1 {
		t.Error("there is an email without a body")
	}
}

// In a shared mailbox others do what its rights say.
func TestShared(t *testing.T) {
	s := open(t, dbtest.OnSQLite)
	v := vars(s)
	share(s, "Drafts", mail.RightLookup|mail.RightRead|mail.RightInsert|mail.RightSeen)
	share(s, "Sent", mail.RightLookup|mail.RightRead)
	for _, tt := range []struct{ args, where, kind string }{
		{`"create":{"k":{"mailboxIds":{"$drafts":true},"subject":"x"}}`, "created", ""},
		{`"create":{"k":{"mailboxIds":{"$sent":true}}}`, "notCreated", "forbidden"},
		{`"create":{"k":{"mailboxIds":{"$trash":true}}}`, "notCreated", "invalidProperties"},
		{`"create":{"k":{"mailboxIds":{"$drafts":true},"attachments":[{"blobId":"$blob"}]}}`, "notCreated", "blobNotFound"},
		{`"update":{"$email":{"keywords/$seen":true}}`, "notUpdated", "notFound"},
		{`"destroy":["$email"]`, "notDestroyed", "notFound"},
		{`"update":{"$draft":{"keywords/$seen":true}}`, "updated", ""},
		{`"update":{"$draft":{"keywords/$flagged":true}}`, "notUpdated", "forbidden"},
		{`"update":{"$draft":{"mailboxIds":{"$trash":true}}}`, "notUpdated", "forbidden"},
		{`"destroy":["$draft"]`, "notDestroyed", "forbidden"},
	} {
		for _, name := range []string{"drafts", "sent", "trash", "blob", "email", "draft"} {
			tt.args = strings.ReplaceAll(tt.args, "\"$"+name+"\"", "\""+v[name]+"\"")
		}
		_, r := s.CallAs(doortest.Bob, "Email/set", fmt.Sprintf(`{"accountId":%q,%s}`, doortest.Ann, tt.args))
		got, _ := r[tt.where].(map[string]any)
		if len(got) != 1 {
			t.Errorf("%s: %v", tt.args, r)
			continue
		}
		for _, one := range got {
			object, _ := one.(map[string]any)
			if tt.kind != "" && object["type"] != tt.kind {
				t.Errorf("%s: %v", tt.args, r)
			}
			if tt.where == "created" {
				_, got := s.CallAs(doortest.Bob, "Email/get", map[string]any{"accountId": doortest.Ann.String(), "ids": []any{object["id"]}, "properties": []string{"blobId"}})
				if list, _ := got["list"].([]any); len(list) != 1 || list[0].(map[string]any)["blobId"] != object["blobId"] {
					t.Errorf("created is %v, got %v", object, got)
				}
				v["draft"] = object["id"].(string)
			}
		}
	}
}
