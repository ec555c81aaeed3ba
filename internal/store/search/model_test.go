package search_test

import (
	"encoding/base64"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/search"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// words are what mail is made of, and what is looked for, in any spelling and in pieces.
var words = []string{"Report", "rePORT", "straße", "STRASSE", "café", "cafe\u0301", "ﬁnal", "Ｗｉｄｅ", "naïve", "日本語", "ガイド", "ｶﾞｲﾄﾞ",
	"привет", "ΣΊΣΥΦΟΣ", "σίσυφος", "ǆ", "a=b", "x&y", "<tag>", "end.", "1.5", "각", "\u202eabc"}

func drawText(t *rapid.T, name string) string {
	n := rapid.IntRange(0, 12).Draw(t, name+" words")
	return strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), n, n).Draw(t, name), rapid.SampledFrom([]string{" ", "  ", "\r\n", ""}).Draw(t, name+" between"))
}

// drawPart writes a text part in some charset and encoding.
func drawPart(t *rapid.T, extra string) string {
	content := drawText(t, "body")
	if rapid.IntRange(0, 9).Draw(t, "long") == 0 {
		content = strings.Repeat(content+" long ", rapid.IntRange(1, 3000).Draw(t, "times"))
	}
	subtype, charset := "plain", "utf-8"
	if rapid.Bool().Draw(t, "html") {
		subtype = "html"
		content = "<html><style>hidden</style><p>" + strings.NewReplacer("&", "&amp;", "<", "&lt;", "é", "&eacute;", " ", "<b> </b>").Replace(content) + "</p>"
	}
	switch rapid.IntRange(0, 3).Draw(t, "charset") {
	case 0:
		if s, err := charmap.ISO8859_1.NewEncoder().String(content); err == nil {
			content, charset = s, "iso-8859-1"
		}
	case 1:
		if s, err := japanese.ISO2022JP.NewEncoder().String(content); err == nil {
			content, charset = s, "iso-2022-jp"
		}
	}
	encoding := "8bit"
	switch rapid.IntRange(0, 2).Draw(t, "encoding") {
	case 0:
		encoding, content = "base64", base64.StdEncoding.EncodeToString([]byte(content))
		for i := 76; i < len(content); i += 78 {
			content = content[:i] + "\r\n" + content[i:]
		}
	case 1:
		var b strings.Builder
		w := quotedprintable.NewWriter(&b)
		w.Write([]byte(content))
		w.Close()
		encoding, content = "quoted-printable", b.String()
	}
	return fmt.Sprintf("Content-Type: text/%s; charset=%s\r\nContent-Transfer-Encoding: %s\r\n%s\r\n%s\r\n", subtype, charset, encoding, extra, content)
}

func drawMessage(t *rapid.T) string {
	subject := strings.ReplaceAll(drawText(t, "subject"), "\r\n", " ")
	switch rapid.IntRange(0, 2).Draw(t, "subject form") {
	case 0:
		subject = mime.QEncoding.Encode("utf-8", subject)
	case 1:
		subject = mime.BEncoding.Encode("utf-8", subject)
	}
	front := "Subject: " + subject + "\r\nX-Kind: " + rapid.SampledFrom(words).Draw(t, "kind") + "\r\n"
	switch rapid.IntRange(0, 4).Draw(t, "kind of message") {
	case 0:
		return front + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + drawPart(t, "") + "--b\r\n" +
			drawPart(t, "Content-Disposition: attachment; filename*=utf-8''caf%C3%A9.txt\r\n") + "--b--\r\n"
	case 1:
		return front + "Content-Type: message/rfc822\r\n\r\nSubject: inner\r\n" + drawPart(t, "")
	case 2:
		return front + "\r\n-----BEGIN PGP MESSAGE-----\r\n\r\n" + drawText(t, "armor") + "\r\n-----END PGP MESSAGE-----\r\n"
	}
	return front + drawPart(t, "")
}

// drawNeedle is a word or a piece of some.
func drawNeedle(t *rapid.T) string {
	s := drawText(t, "needle")
	if rapid.Bool().Draw(t, "word") || s == "" {
		s = rapid.SampledFrom(words).Draw(t, "needle word")
	}
	runes := []rune(s)
	from := rapid.IntRange(0, len(runes)-1).Draw(t, "from")
	to := rapid.IntRange(from, len(runes)).Draw(t, "to")
	return string(runes[from:min(to, from+20)])
}

func drawKey(t *rapid.T, depth int) search.Key {
	switch rapid.IntRange(0, 6+3*min(depth, 1)).Draw(t, "key") {
	case 0, 1:
		return search.Text{In: search.Anywhere, Value: drawNeedle(t)}
	case 2, 3:
		return search.Text{In: search.Body, Value: drawNeedle(t)}
	case 4:
		return search.Header{Name: rapid.SampledFrom([]string{"subject", "X-KIND", "Content-Type"}).Draw(t, "field"), Value: drawNeedle(t)}
	case 5:
		return search.Text{In: search.Subject, Value: drawNeedle(t)}
	case 6:
		in := rapid.SampledFrom([]search.Field{search.Anywhere, search.Body, search.Subject}).Draw(t, "in")
		return search.Words{In: in, Value: drawNeedle(t) + rapid.SampledFrom([]string{"", " end", ` "x y"`}).Draw(t, "and")}
	case 7:
		return search.Not{Key: drawKey(t, depth-1)}
	case 8:
		return search.And{drawKey(t, depth-1), drawKey(t, depth-1)}
	}
	return search.Or{drawKey(t, depth-1), drawKey(t, depth-1)}
}

// Whatever was delivered, destroyed and copied, and wherever the index stands, a search with it finds what a reading of
// all mail finds; and once it has caught up, nothing is read that it holds.
func TestModel(t *testing.T) {
	t.Parallel()
	for engine, open := range map[string]func(testing.TB) dbtest.Open{
		"sqlite":   func(t testing.TB) dbtest.Open { return dbtest.OnSQLite(t, schema.Files) },
		"postgres": func(t testing.TB) dbtest.Open { return dbtest.OnPostgres(t, schema.Files) },
	} {
		t.Run(engine, func(t *testing.T) {
			s := newStore(t, open(t)())
			runs := 0
			rapid.Check(t, func(r *rapid.T) {
				if runs++; runs <= modelRuns {
					s.model(r)
				}
			})
		})
	}
}

// modelRuns is how many sequences are played: each costs a few hundred transactions.
const modelRuns = 25

// model begins with the index that the run before it left.
func (s *store) model(r *rapid.T) {
	for _, a := range []mail.AccountID{alice, bob} {
		s.expunge(a, imap.Set{{Start: 1, Stop: 1 << 31}})
	}
	step := func(account mail.AccountID) {
		if _, err := s.index.Step(s.t.Context(), account, rapid.Bool().Draw(r, "settle")); err != nil {
			r.Fatal(err)
		}
	}
	account := func() mail.AccountID { return rapid.SampledFrom([]mail.AccountID{alice, bob}).Draw(r, "account") }
	r.Repeat(map[string]func(*rapid.T){
		"deliver": func(r *rapid.T) {
			m := drawMessage(r)
			for range rapid.SampledFrom([]int{1, 1, 1, 10}).Draw(r, "times") {
				s.deliver(m, rapid.SampledFrom([][]mail.AccountID{{alice}, {bob}, {alice, bob}}).Draw(r, "to")...)
			}
		},
		"destroy": func(*rapid.T) {
			a := account()
			from := s.uid(r, a)
			s.expunge(a, imap.Set{{Start: from, Stop: from + rapid.Uint32Range(0, 10).Draw(r, "more")}})
		},
		"copy": func(*rapid.T) {
			a := account()
			from := s.uid(r, a)
			if _, err := s.mailbox.As(a).Copy(s.t.Context(), mailbox.Route{From: a, Source: s.inbox[a], To: a, Target: s.inbox[a]}, imap.Set{{Start: from, Stop: from + 3}}); err != nil {
				r.Fatal(err)
			}
		},
		"step":     func(*rapid.T) { step(account()) },
		"catch up": func(*rapid.T) { s.catchUp(account()) },
		"rebuild": func(r *rapid.T) {
			if err := s.index.Rebuild(s.t.Context(), account()); err != nil {
				r.Fatal(err)
			}
		},
		"clean": func(r *rapid.T) {
			if err := s.index.Clean(s.t.Context(), account()); err != nil {
				r.Fatal(err)
			}
		},
		"search": func(r *rapid.T) {
			a := account()
			key := drawKey(r, 2)
			q := search.Plan(key, search.Scope{})
			found, _ := s.search(a, q)
			if want := s.scan(a, q); !slices.Equal(found, want) {
				r.Fatalf("%#v finds %v with the index, %v without", key, found, want)
			}
		},
	})
	for _, a := range []mail.AccountID{alice, bob} {
		s.catchUp(a)
		needle := strings.Repeat("no such thing", 2)
		if found, read := s.search(a, body(needle)); len(found) != 0 || read > s.left(a) || !utf8.ValidString(needle) {
			r.Fatalf("found %v and read %d messages, %d are not wholly in the index", found, read, s.left(a))
		}
	}
}

// uid draws a UID about where there are some.
func (s *store) uid(r *rapid.T, account mail.AccountID) uint32 {
	var next uint32
	s.must(s.tx.Read(s.t.Context(), func(t *tx.Tx) error {
		return t.SQL().QueryRow(`SELECT uidnext FROM mailbox WHERE account_id = $1 AND id = $2`, account, s.inbox[account]).Scan(&next)
	}))
	return rapid.Uint32Range(uint32(max(1, int(next)-30)), next).Draw(r, "uid")
}

// left counts the messages whose body the index leaves out.
func (s *store) left(account mail.AccountID) (n int) {
	pgp := body("-----begin pgp message-----")
	for _, l := range s.letters(account) {
		is, err := pgp.Match(l, search.Hits{})
		s.must(err)
		if is || l.summary.Size > 64<<10 {
			n++
		}
	}
	return n
}
