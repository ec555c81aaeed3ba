package smtpserver

import (
	"slices"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/test/requirements"
)

// Every keyword of EHLO has its list in docs/rfc, and every test that a list names exists.
func TestRequirementsAreTested(t *testing.T) {
	requirements.Check(t, "../../..", "EHLO keyword", slices.Concat([]string{"SMTP", "LMTP", "submission"}, keywords(t, MX), usersKeywords(t)))
}

// LMTP has the extensions of SMTP (RFC 2033 5), and both name them in the answer to their greeting.
func TestExtensions(t *testing.T) {
	want := []string{"PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "BINARYMIME", "DSN", "ENHANCEDSTATUSCODES", "HELP", "STARTTLS"}
	for _, mode := range []Mode{MX, LMTP} {
		if got := keywords(t, mode); !slices.Equal(got, want) {
			t.Errorf("%s offers %q", mode, got)
		}
	}
}

// keywords are those that a client of the door hears.
func keywords(t *testing.T, mode Mode) (list []string) {
	t.Helper()
	hello := map[Mode]string{MX: "EHLO", LMTP: "LHLO"}[mode]
	f := start(t, Options{Mode: mode, TLS: serverTLS()})
	c := f.connect(t, "")
	c.hear("220")
	c.say(hello + " c\r\n")
	for {
		line, err := c.r.ReadString('\n')
		if err != nil || len(line) < len("250-") {
			t.Fatalf("%s is answered %q, %v", hello, line, err)
		}
		word, _, _ := strings.Cut(strings.TrimSpace(line[len("250-"):]), " ")
		list = append(list, word)
		if strings.HasPrefix(line, "250 ") {
			return list[1:] // the first is our name
		}
	}
}

// usersKeywords are those that who submits hears over TLS.
func usersKeywords(t *testing.T) (list []string) {
	t.Helper()
	s := serveUsers(t, dbtest.OnSQLite(t, schema.Files)())
	u := s.connect(t)
	u.say("EHLO c")
	for {
		line, err := u.r.ReadString('\n')
		if err != nil || len(line) < len("250-") {
			t.Fatalf("EHLO is answered %q, %v", line, err)
		}
		word, _, _ := strings.Cut(strings.TrimSpace(line[len("250-"):]), " ")
		list = append(list, word)
		if strings.HasPrefix(line, "250 ") {
			return list[1:] // the first is our name
		}
	}
}
