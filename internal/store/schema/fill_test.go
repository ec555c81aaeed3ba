package schema_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand/v2"

	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// filledAt is the time at which every database in testdata was filled.
var filledAt = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// resolved are the addresses whose way is remembered.
var resolved = []string{"ann@example.org", "bob@example.org", "ann+lists@example.org", "sales@example.org", "postmaster@example.org", "anybody@example.org"}

// fill makes a small server of what this release can keep: a bit of everything, most of it in odd corners.
func (r *rooms) fill() content {
	ctx := r.t.Context()
	_, err := r.provision.AddDomain(ctx, "example.org")
	r.must(err)
	ann := r.addAccount("ann@example.org", "Ann Ünicode", directory.Quota{Bytes: 50 << 20, Messages: 10_000, Mailboxes: 50})
	bob := r.addAccount("bob@example.org", "", directory.Quota{})
	for _, to := range []string{"ann@example.org", "bob@example.org"} {
		r.must(r.provision.AddAlias(ctx, address("sales@example.org"), address(to)))
	}
	catchAll := address("bob@example.org")
	_, err = r.provision.ChangeDomain(ctx, "example.org", provision.DomainChange{CatchAll: &catchAll})
	r.must(err)
	_, appPassword, err := r.provision.AddAppPassword(ctx, address("ann@example.org"), "telephone")
	r.must(err)

	r.write(ann, func(t *tx.Tx) error {
		for _, path := range []string{"Projects", "Projects/Überall"} {
			if _, err := r.mailbox.Create(t, ann, path, ""); err != nil {
				return err
			}
		}
		return r.mailbox.SetSubscribed(t, ann, "Gone", true)
	})
	r.deliver("INBOX", letter("one", "", "text/plain", "To both.\r\n"), mail.Flags{}, ann, bob)
	r.deliver("INBOX", letter("two", "one", "text/plain; charset=utf-8", "Grüße\r\n"), mail.Flags{Bits: mail.Seen | mail.Answered, Keywords: []string{"Work", "later"}}, ann)
	r.deliver("INBOX", letter("long", "", "text/plain", strings.Repeat("A line that is there often.\r\n", 8000)), mail.Flags{Bits: mail.Flagged}, ann)
	r.deliver("Projects", letter("noise", "", "application/octet-stream", noise(18<<10)), mail.Flags{Bits: mail.Forwarded}, ann)
	r.deliver("INBOX", letter("removed", "", "text/plain", "This one goes.\r\n"), mail.Flags{}, ann, bob)

	inbox, projects := r.path(ann, "INBOX"), r.path(ann, "Projects/Überall")
	r.write(ann, func(t *tx.Tx) error {
		return r.mailbox.As(ann).Annotate(t, ann, projects, []mailbox.Annotation{{Entry: "/shared/comment", Value: []byte("Grün")},
			{Entry: "/private/vendor/example/color", Value: []byte("#00ff00")}})
	})
	_, err = r.mailbox.As(ann).Copy(ctx, mailbox.Route{From: ann, Source: inbox, To: ann, Target: projects}, imap.Set{{Start: 1, Stop: 2}})
	r.must(err)
	_, err = r.mailbox.As(ann).StoreFlags(ctx, ann, projects, imap.Set{{Start: 1, Stop: 1}}, mailbox.FlagChange{Op: mailbox.AddFlags, Flags: mail.Flags{Bits: mail.Seen | mail.Deleted}})
	r.must(err)
	_, err = r.mailbox.Remove(ctx, ann, inbox, imap.Set{{Start: 4, Stop: 4}})
	r.must(err)
	r.submitOne(ann)
	r.must(r.certs.Store(ctx, "acme/authority/mail.example.org.key", []byte("a private key")))
	for more := true; more; {
		more, err = r.index.Step(ctx, ann, true)
		r.must(err)
	}
	return r.describe(appPassword, resolved)
}

func (r *rooms) addAccount(at, name string, q directory.Quota) mail.AccountID {
	a, err := r.provision.AddAccount(r.t.Context(), provision.Request{Address: address(at), Name: name, Password: password, Quota: q})
	r.must(err)
	return a.ID
}

func (r *rooms) write(account mail.AccountID, fn func(*tx.Tx) error) {
	r.must(r.tx.Write(r.t.Context(), []mail.AccountID{account}, fn))
}

func (r *rooms) path(account mail.AccountID, path string) (id mail.MailboxID) {
	r.read(func(t *tx.Tx) error {
		m, err := r.mailbox.ByPath(t, account, path)
		id = m.ID
		return err
	})
	return id
}

func letter(id, answers, contentType, body string) string {
	return "Date: Fri, 02 Jan 2026 03:00:00 +0000\r\nFrom: Somebody <somebody@example.net>\r\nTo: ann@example.org\r\nMessage-ID: <" + id +
		"@example.net>\r\nIn-Reply-To: <" + answers + "@example.net>\r\nSubject: =?utf-8?q?F=C3=BCr?= you\r\nContent-Type: " + contentType + "\r\n\r\n" + body
}

// noise does not compress.
func noise(n int) string {
	b := make([]byte, n)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range b {
		b[i] = byte(random.Uint32())
	}
	return base64.StdEncoding.EncodeToString(b)
}

// submitOne leaves a message that is owed to two others.
func (r *rooms) submitOne(from mail.AccountID) {
	e := mail.Envelope{ID: "trace1", ReversePath: address("ann@example.org"), Body: mail.Body8BitMIME, EnvID: "QQ314159", Ret: mail.RetFull,
		Recipients: []mail.Recipient{
			{Address: address("carl@example.net"), Original: mail.OriginalRecipient{Type: "rfc822", Address: "karl@example.net"}},
			{Address: address("dora@example.com")},
		}}
	body, err := r.bodies.Put(r.t.Context(), strings.NewReader(letter("out", "", "text/plain", "Owed.\r\n")))
	r.must(err)
	r.must(r.tx.Write(r.t.Context(), []mail.AccountID{mail.SpoolAccount, from}, func(t *tx.Tx) error {
		id, err := r.bodies.Hold(t, mail.SpoolAccount, body)
		if err != nil {
			return err
		}
		sent, err := r.submissions.Add(t, submissions.Submission{Account: from, Trace: e.ID, ReversePath: e.ReversePath, MessageID: "out@example.net", Size: 300,
			Recipients: []submissions.Recipient{{Address: address("bob@example.org")}, {Address: address("carl@example.net")}, {Address: address("dora@example.com")}}})
		if err != nil {
			return err
		}
		delivered := mail.Event{Kind: mail.EventDelivered, At: filledAt, By: "mx.example.org", Reply: mail.Reply{Code: 250, Enhanced: mail.EnhancedCode{2, 1, 5}, Text: "ok"}}
		if err := r.submissions.Record(t, submissions.Step{Account: from, Submission: sent, Event: delivered}); err != nil {
			return err
		}
		_, err = r.spool.Add(t, spool.Message{Blob: id, Envelope: e, Account: from, Submission: sent, First: 1})
		return err
	}))
}

// dump writes all rows of a SQLite database as statements that PostgreSQL understands, one a line.
func dump(t testing.TB, d *db.DB) []byte {
	t.Helper()
	var out bytes.Buffer
	err := d.Read(t.Context(), func(q *db.Tx) error {
		out.Reset()
		tables, err := strs(q, `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite%' AND name NOT IN ('schema_version', 'schema_reach') ORDER BY name`)
		for _, table := range tables {
			if err := dumpTable(q, &out, table); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func dumpTable(q *db.Tx, out *bytes.Buffer, table string) error {
	columns, err := strs(q, `SELECT name FROM pragma_table_info($1) ORDER BY cid`, table)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "DELETE FROM %s;\n", table) // what migrations put there
	rows, err := q.Query(`SELECT * FROM ` + table + ` ORDER BY 1, 2`)
	if err != nil {
		return err
	}
	values := make([]any, len(columns))
	into := make([]any, len(columns))
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		fmt.Fprintf(out, "INSERT INTO %s (%s) VALUES (", table, strings.Join(columns, ", "))
		for i, v := range values {
			if i > 0 {
				out.WriteString(", ")
			}
			switch v := v.(type) {
			case int64:
				fmt.Fprint(out, v)
			case string:
				out.WriteString("'" + strings.ReplaceAll(v, "'", "''") + "'")
			case []byte:
				out.WriteString(`'\x` + hex.EncodeToString(v) + "'")
			default:
				return fmt.Errorf("%s.%s is %T", table, columns[i], v)
			}
		}
		out.WriteString(");\n")
	}
	return rows.Err()
}

func strs(q *db.Tx, query string, args ...any) (list []string, err error) {
	rows, err := q.Query(query, args...)
	if err != nil {
		return nil, err
	}
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, rows.Err()
}
