package queries_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/core"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/queries"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

const benchMessages = 100_000

// fill puts many messages into the INBOX without the rooms: four of a thread, some read, all with one body that there is.
func (s *server) fill(n int) {
	s.T.Helper()
	content := letter(1, "")
	s.Deliver(ann, "INBOX", content)
	inbox := s.Path(ann, "INBOX")
	const step = 700 // rows that one commit may change, in two tables
	summary, err := message.Summarize(strings.NewReader(content))
	s.Must(err)
	m, err := mailbox.Summarized(summary)
	s.Must(err)
	for done := 1; done < n; done += step {
		to := min(n, done+step)
		s.Must(s.DB.Write(s.T.Context(), int64(ann), func(d *db.Tx) error {
			const numbers = `WITH RECURSIVE n (i) AS (SELECT CAST($2 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < $3) `
			_, err := d.Exec(numbers+`INSERT INTO email (account_id, id, thread_id, blob_id, size, received, created_modseq, summary)
				SELECT $1, 1000000 + i, 1000000 + i - i % 4, (SELECT blob_id FROM email WHERE account_id = $1 ORDER BY id LIMIT 1), 4096, $4 + 1000 * i, 1, $5 FROM n`,
				ann, done, to-1, 1_700_000_000_000, m.Summary)
			if err == nil {
				_, err = d.Exec(numbers+`INSERT INTO membership (account_id, mailbox_id, uid, email_id, modseq, flags, keywords, size, received, saved, thread_id, sent, attachment)
				SELECT $1, $6, i + 1, 1000000 + i, 1, CASE WHEN i % 3 = 0 THEN 0 ELSE $5 END, CASE WHEN i % 10 = 0 THEN 'work' ELSE '' END, 4096, $4 + 1000 * i, 0,
					1000000 + i - i % 4, $4 + 1000 * (i * 7919 % 1000003), 0 FROM n`,
					ann, done, to-1, 1_700_000_000_000, mail.Seen, inbox.ID)
			}
			return err
		}))
	}
	s.Must(s.DB.Write(s.T.Context(), int64(ann), func(d *db.Tx) error {
		if d.Engine() == db.Postgres { // which it does by itself, later
			if _, err := d.Exec(`ANALYZE`); err != nil {
				return err
			}
		}
		_, err := d.Exec(`UPDATE mailbox SET uidnext = $3 + 1, messages = $3 WHERE account_id = $1 AND id = $2`, ann, inbox.ID, n)
		return err
	}))
}

// BenchmarkFirstPage asks for the first page of a mailbox of 100,000 messages, collapsed, with 50 previews, as a client does that
// shows it; and again after each new message.
func BenchmarkFirstPage(b *testing.B) {
	for name, on := range engines {
		s := open(b, on)
		s.fill(benchMessages)
		inbox := s.Path(ann, "INBOX").ID.String()
		for _, query := range []struct {
			name string
			args string
		}{
			{"newest", `"filter": {"inMailbox": "` + inbox + `"}, "sort": [{"property": "receivedAt", "isAscending": false}]`},
			{"flagged threads first", `"filter": {"inMailbox": "` + inbox + `"}, "sort": [{"property": "someInThreadHaveKeyword", "keyword": "$flagged", "isAscending": false}, {"property": "receivedAt", "isAscending": false}]`},
			{"unread", `"filter": {"inMailbox": "` + inbox + `", "notKeyword": "$seen"}, "sort": [{"property": "receivedAt", "isAscending": false}]`},
			{"everywhere", `"filter": {"operator": "NOT", "conditions": [{"inMailbox": "F1"}]}, "sort": [{"property": "sentAt"}]`},
		} {
			request := fmt.Sprintf(`{"using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"], "methodCalls": [
				["Email/query", {"accountId": %q, %s, "collapseThreads": true, "calculateTotal": true, "limit": 50}, "0"],
				["Email/get", {"accountId": %q, "#ids": {"resultOf": "0", "name": "Email/query", "path": "/ids"}, "properties": ["threadId", "mailboxIds", "keywords", "from", "subject", "receivedAt", "preview"]}, "1"]]}`,
				ann, query.args, ann)
			only := fmt.Sprintf(`{"using": ["urn:ietf:params:jmap:core", "urn:ietf:params:jmap:mail"], "methodCalls": [
				["Email/query", {"accountId": %q, %s, "collapseThreads": true, "calculateTotal": true, "limit": 50}, "0"]]}`, ann, query.args)
			b.Run(name+"/"+query.name+"/again", func(b *testing.B) {
				for b.Loop() {
					s.Request(ann, request)
				}
			})
			b.Run(name+"/"+query.name+"/query alone", func(b *testing.B) {
				for b.Loop() {
					s.Request(ann, only)
				}
			})
			b.Run(name+"/"+query.name+"/after a new message", func(b *testing.B) {
				n := 0
				for b.Loop() {
					b.StopTimer()
					n++
					s.Deliver(ann, "INBOX", letter(n, ""))
					b.StartTimer()
					s.Request(ann, request)
				}
			})
		}
	}
}

// BenchmarkCold asks for the first page when nothing is in memory yet, as after a start.
func BenchmarkCold(b *testing.B) {
	for name, on := range engines {
		s := open(b, on)
		s.fill(benchMessages)
		for _, by := range []string{"receivedAt", "subject"} {
			b.Run(name+"/"+by, func(b *testing.B) {
				for b.Loop() {
					fresh := method.NewRegistry()
					queries.New(queries.Options{Tx: s.Tx, Mailbox: s.Mailbox, Bodies: s.Bodies, Finder: s.Finder, Catalog: catalog.New(catalog.Options{Tx: s.Tx})}).Register(fresh)
					core.Register(fresh, core.Limits{})
					emails.New(emails.Options{Tx: s.Tx, Mailbox: s.Mailbox, Bodies: s.Bodies}).Register(fresh)
					cold := *s.Server
					cold.Registry = fresh
					(&server{&cold}).ids(object{"sort": []object{{"property": by}}, "collapseThreads": true, "limit": 50})
				}
			})
		}
	}
}
