package imapserver

import (
	"log/slog"
	"testing"

	"github.com/mailmesh/mailmesh/internal/finding"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// The accounts of every test.
const (
	ann, bob                = doortest.Ann, doortest.Bob
	annAddress, annPassword = doortest.AnnAddress, doortest.AnnPassword
	bobAddress, bobPassword = doortest.BobAddress, doortest.BobPassword
)

func openRooms(t testing.TB, change ...func(*auth.Options)) *doortest.Rooms {
	t.Helper()
	return openRoomsOn(t, dbtest.OnSQLite, change...)
}

func openRoomsOn(t testing.TB, on doortest.Engine, change ...func(*auth.Options)) *doortest.Rooms {
	t.Helper()
	usual := map[string]mailbox.Role{"Drafts": mailbox.RoleDrafts, "Sent": mailbox.RoleSent, "Trash": mailbox.RoleTrash}
	return doortest.Open(t, on, usual, change...)
}

// serving is a running server over its rooms.
type serving struct {
	*doortest.Rooms
	*Server
	*doortest.Running
	log *doortest.Log
}

// serve runs a server over new rooms until the test ends.
func serve(t testing.TB, change ...func(*Options)) *serving {
	t.Helper()
	return serveRooms(t, openRooms(t), change...)
}

func serveRooms(t testing.TB, r *doortest.Rooms, change ...func(*Options)) *serving {
	t.Helper()
	log := &doortest.Log{}
	o := Options{Hostname: doortest.Hostname, JMAP: "https://mail.example.org/.well-known/jmap", TLS: doortest.TLS(), Tx: r.Tx, Auth: r.Auth, Mailbox: r.Mailbox, Bodies: r.Bodies, Finder: r.Finder,
		Realtime: r.Realtime, Directory: r.Directory, Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
	for _, c := range change {
		c(&o)
	}
	s, err := New(o)
	r.Must(err)
	return &serving{r, s, doortest.Run(t, s), log}
}

// bubble runs a test under a fake clock, with a server.
func bubble(t *testing.T, test func(t *testing.T, f *serving), change ...func(*Options)) {
	t.Helper()
	doortest.Bubble(t, func(t *testing.T) {
		f := serve(t, change...)
		test(t, f)
		f.Stop()
	})
}

// finderOf makes another finder for a server.
func finderOf(o *Options, index *search.Index, turns int) *finding.Finder {
	return finding.New(finding.Options{Tx: o.Tx, Mailbox: o.Mailbox, Bodies: o.Bodies, Index: index, Turns: turns})
}
