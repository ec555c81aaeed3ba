package pop3server

import (
	"log/slog"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/auth"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// The account of every test.
const (
	ann                     = doortest.Ann
	annAddress, annPassword = doortest.AnnAddress, doortest.AnnPassword
)

func openRooms(t testing.TB, change ...func(*auth.Options)) *doortest.Rooms {
	t.Helper()
	return openRoomsOn(t, dbtest.OnSQLite, change...)
}

func openRoomsOn(t testing.TB, on doortest.Engine, change ...func(*auth.Options)) *doortest.Rooms {
	t.Helper()
	usual := map[string]mailbox.Role{"Archive": mailbox.RoleArchive}
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
	o := Options{Hostname: doortest.Hostname, TLS: doortest.TLS(), Tx: r.Tx, Auth: r.Auth, Mailbox: r.Mailbox, Bodies: r.Bodies,
		Log: slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))}
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
