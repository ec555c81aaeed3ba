package imapserver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
)

// Many sessions change one mailbox at the same time while mail arrives. In the end each knows what the store has.
func TestManyAtOnce(t *testing.T) { testManyAtOnce(t, dbtest.OnSQLite) }

func TestManyAtOnceOnPostgres(t *testing.T) { testManyAtOnce(t, dbtest.OnPostgres) }

func testManyAtOnce(t *testing.T, on doortest.Engine) {
	f := serveRooms(t, openRoomsOn(t, on))
	f.login("CREATE shared", "CREATE aside")
	id := f.Path(ann, "shared").ID
	var mirrors []*mirror
	for i := range 6 {
		m := f.mirror(t, mode(i%3))
		m.open("shared", "")
		mirrors = append(mirrors, m)
	}
	var running sync.WaitGroup
	running.Go(func() {
		for i := range 40 {
			f.Deliver(ann, "shared", sample(i), sample(i+1000))
		}
	})
	for i, m := range mirrors {
		running.Go(func() { disturb(m, rand.New(rand.NewPCG(uint64(i), 1))) })
	}
	running.Wait()
	view, err := f.Mailbox.View(context.Background(), ann, id)
	f.Must(err)
	for _, m := range mirrors {
		m.run("NOOP")
		m.settle()
		if len(m.list) != view.Len() {
			t.Fatalf("a session of mode %d knows %d messages, the store has %d", m.mode, len(m.list), view.Len())
		}
		for seq, e := range view.All() {
			k := m.list[seq-1]
			if flags := flagList(view.FlagsOf(e).Names()); k.uid != int(e.UID) || !slices.Equal(k.flags, flags) {
				t.Fatalf("a session of mode %d has %v under %d, the store %d %v", m.mode, k, seq, e.UID, flags)
			}
		}
	}
}

// disturb does a session's share.
func disturb(m *mirror, random *rand.Rand) {
	for range 60 {
		m.settle()
		if len(m.list) == 0 {
			m.run("NOOP")
			continue
		}
		chosen := []int{random.IntN(len(m.list))}
		set, uids := m.set(chosen, false), m.set(chosen, true)
		flags := []string{someFlags[random.IntN(len(someFlags))]}
		op := []string{"+FLAGS", "-FLAGS"}[random.IntN(2)]
		switch random.IntN(8) {
		case 0:
			m.run("UID MOVE " + uids + " aside")
		case 1:
			m.run("COPY " + set + " shared")
		case 2:
			m.run("EXPUNGE")
		case 3:
			m.run("FETCH " + set + " BODY[]<0.1>")
		case 4:
			m.run("SEARCH FLAGGED BODY text")
		case 5:
			tag := m.idle()
			m.write("DONE\r\n")
			m.quiet = false
			for line := m.line(); !strings.HasPrefix(line, tag+" OK"); line = m.line() {
				m.take(line)
			}
		case 6:
			m.assume(chosen, op, flags)
			m.run(fmt.Sprintf("STORE %s %s.SILENT (%s)", set, op, flags[0]))
		default:
			m.run(fmt.Sprintf("UID STORE %s %s (%s)", uids, op, flags[0]))
		}
	}
}

// Nothing runs on after the server has stopped, however its clients behave.
func TestNothingIsLeft(t *testing.T) {
	leaked := goleak.IgnoreCurrent()
	t.Run("serve", func(t *testing.T) {
		f := serve(t)
		f.Deliver(ann, "INBOX", strings.Repeat("x", 100_000))
		f.connect("imap")
		f.connect("imaps")
		f.login("SELECT INBOX").idle()
		f.login("SELECT INBOX").send("FETCH 1 BODY[]")
		f.login().write("a APPEND INBOX {10}\r\n")
		f.login().write("a SELECT {10+}\r\nabc")
		f.login().conn.Close()
	})
	goleak.VerifyNone(t, leaked)
}
