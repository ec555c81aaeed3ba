package queries_test

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/emails"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/jmapservertest"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/queries"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/catalog"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

const ann, bob = doortest.Ann, doortest.Bob

var engines = map[string]doortest.Engine{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres}

// server is a JMAP server that can be asked for mail.
type server struct{ *jmapservertest.Server }

func open(t testing.TB, on doortest.Engine, change ...func(*queries.Options)) *server {
	return &server{jmapservertest.Open(t, on, func(r *method.Registry, rooms *doortest.Rooms) {
		emails.New(emails.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies}).Register(r)
		o := queries.Options{Tx: rooms.Tx, Mailbox: rooms.Mailbox, Bodies: rooms.Bodies, Finder: rooms.Finder, Catalog: catalog.New(catalog.Options{Tx: rooms.Tx})}
		for _, c := range change {
			c(&o)
		}
		queries.New(o).Register(r)
	})}
}

// each runs a test on every engine.
func each(t *testing.T, test func(t *testing.T, s *server)) {
	t.Parallel()
	for name, on := range engines {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, on))
		})
	}
}

type object = map[string]any

// ids makes a call as Ann that must succeed, and returns the ids of its response.
func (s *server) ids(args object) (ids []string) {
	s.T.Helper()
	for _, id := range s.call("Email/query", args)["ids"].([]any) {
		ids = append(ids, id.(string))
	}
	return ids
}

func (s *server) call(name string, args object) map[string]any {
	s.T.Helper()
	return s.callAs(ann, name, args)
}

func (s *server) callAs(who mail.AccountID, name string, args object) map[string]any {
	s.T.Helper()
	if args["accountId"] == nil {
		args["accountId"] = ann.String()
	}
	response, value := s.CallAs(who, name, args)
	if response != name {
		s.T.Fatalf("%s %v: %v", name, args, value)
	}
	return value
}

// fails makes a call as Ann that must be refused.
func (s *server) fails(name string, args object, want method.ErrorType) {
	s.T.Helper()
	if args["accountId"] == nil {
		args["accountId"] = ann.String()
	}
	response, value := s.CallAs(ann, name, args)
	if response != "error" || value["type"] != string(want) {
		s.T.Errorf("%s %v: %s %v, want %s", name, args, response, value, want)
	}
}

func (s *server) flag(path string, uid mail.UID, op mailbox.FlagOp, names ...string) {
	s.T.Helper()
	flags, err := mail.ParseFlags(names)
	s.Must(err)
	_, err = s.Mailbox.As(ann).StoreFlags(s.T.Context(), ann, s.Path(ann, path).ID, imap.Set{{Start: uint32(uid), Stop: uint32(uid)}},
		mailbox.FlagChange{Op: op, Flags: flags})
	s.Must(err)
}
