package mailboxes_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// filled is a server with so many messages in Ann's INBOX, as many threads as half of them. MESSAGES says how many.
func filled(b *testing.B) *jmapservertest.Server {
	n, _ := strconv.Atoi(os.Getenv("MESSAGES"))
	if n == 0 {
		n = 2000
	}
	s := open(b, dbtest.OnSQLite)
	for i := 0; i < n; i += 100 {
		var contents []string
		for j := i; j < i+100; j++ {
			contents = append(contents, fmt.Sprintf("From: Person %d <p%d@example.com>\r\nTo: ann@example.org\r\nSubject: About the matter %d\r\nDate: Thu, 30 Oct 2014 14:12:00 +0800\r\n"+
				"Message-ID: <%d@example.com>\r\nReferences: <%d@example.com>\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s",
				j, j, j/2, j, j/2*2, strings.Repeat("Some words that make a line of text.\r\n", 20)))
		}
		s.Deliver(doortest.Ann, "INBOX", contents...)
	}
	return s
}

func ask(b *testing.B, s *jmapservertest.Server, name string, args map[string]any) {
	b.Helper()
	args["accountId"] = doortest.Ann.String()
	text, err := ijson.Marshal(args)
	s.Must(err)
	u := s.User(doortest.Ann)
	for b.Loop() {
		resp := s.Do(u, &method.Request{Using: s.All(), Calls: []method.Invocation{{Name: name, Args: text, ID: "0"}}})
		if resp.Responses[0].Name != name {
			b.Fatalf("%s", resp.Responses[0].Args)
		}
	}
}

// BenchmarkFirstPage gets what a list shows of 50 emails.
func BenchmarkFirstPage(b *testing.B) {
	s := filled(b)
	var ids []string
	s.Read(func(t *tx.Tx) error {
		all, err := s.Mailbox.EmailIDs(t, doortest.Ann, 1<<20)
		for _, id := range all[len(all)-50:] {
			ids = append([]string{id.String()}, ids...)
		}
		return err
	})
	ask(b, s, "Email/get", map[string]any{"ids": ids, "properties": []string{"id", "threadId", "mailboxIds", "keywords", "from", "subject", "receivedAt",
		"preview", "hasAttachment", "size"}})
}

// BenchmarkMailboxes gets all mailboxes with their counts; a message arrives before each.
func BenchmarkMailboxes(b *testing.B) {
	s := filled(b)
	text, err := ijson.Marshal(map[string]any{"accountId": doortest.Ann.String(), "ids": nil})
	s.Must(err)
	for b.Loop() {
		b.StopTimer()
		s.Deliver(doortest.Ann, "INBOX", "Subject: new\r\n\r\n")
		b.StartTimer()
		s.Do(s.User(doortest.Ann), &method.Request{Using: s.All(), Calls: []method.Invocation{{Name: "Mailbox/get", Args: text, ID: "0"}}})
	}
}

// BenchmarkThreads gets 50 threads.
func BenchmarkThreads(b *testing.B) {
	s := filled(b)
	ids := map[string]bool{}
	s.Read(func(t *tx.Tx) error {
		all, err := s.Mailbox.EmailIDs(t, doortest.Ann, 1<<20)
		for _, id := range all[len(all)-100:] {
			e, err := s.Mailbox.Email(t, doortest.Ann, id)
			s.Must(err)
			ids[e.Thread.String()] = true
		}
		return err
	})
	var list []string
	for id := range ids {
		list = append(list, id)
	}
	ask(b, s, "Thread/get", map[string]any{"ids": list})
}
