package emails_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

var engines = map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres}

func open(t testing.TB, on doortest.Engine) *jmapservertest.Server {
	return jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) {
		emails.New(emails.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies}).Register(r)
	})
}

// TestGolden plays testdata/golden. In Ann's INBOX lie the messages of testdata/mail, whose ids are variables named as the files.
func TestGolden(t *testing.T) {
	for name, engine := range engines {
		t.Run(name, func(t *testing.T) {
			jmapservertest.Golden(t, "testdata/golden/*.json", func(t *testing.T) (*jmapservertest.Server, map[string]string) {
				s := open(t, engine)
				return s, deliver(s)
			})
		})
	}
}

func deliver(s *jmapservertest.Server) map[string]string {
	files, err := filepath.Glob("testdata/mail/*.eml")
	s.Must(err)
	inbox := s.Path(doortest.Ann, "INBOX").ID
	vars := map[string]string{"inbox": inbox.String()}
	for _, mb := range []string{"Archive", "Drafts", "Trash"} {
		vars[strings.ToLower(mb)] = s.Path(doortest.Ann, mb).ID.String()
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		s.Must(err)
		s.Deliver(doortest.Ann, "INBOX", string(content))
		name := strings.TrimSuffix(filepath.Base(file), ".eml")
		e := last(s, doortest.Ann)
		vars[name], vars[name+"Thread"], vars[name+"Blob"] = e.ID.String(), e.Thread.String(), e.Blob.String()
	}
	return vars
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
