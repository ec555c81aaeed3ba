package pop3server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/test/dialogues"
)

// Each dialogue has a server and accounts of its own: ann and bob, each with INBOX and Archive.
func TestDialogues(t *testing.T) {
	for name, engine := range map[string]func(testing.TB, fs.FS) dbtest.Open{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			dialogues.RunAll(t, root+"test/dialogues/pop3/*.dialogue", func(t *testing.T) dialogues.Options {
				t.Parallel()
				ended := make(chan struct{}, 100)
				f := serveRooms(t, openRoomsOn(t, engine), func(o *Options) { o.Observer = counted{ended: ended} })
				return dialogues.Options{
					Dial: func(_ context.Context, protocol string) (net.Conn, error) { return f.Dial(protocol) },
					Do: map[string]func([]string) error{"deliver": f.doDeliver, "message": f.doMessage, "expunge": f.doExpunge,
						"move": f.doMove, "store": f.doStore, "renumber": f.doRenumber,
						"wantuids": f.doWantUIDs, "wantflags": f.doWantFlags, "password": f.doPassword,
						"ended":       func([]string) error { return doortest.Ended(ended) }, // do ended session: waits until one more has
						"apppassword": f.doAppPassword},
					Timeout: 5 * time.Second,
				}
			})
		})
	}
}

// doDeliver: do deliver N, N messages arrive for ann: sample(1), sample(2) ...
func (f *serving) doDeliver(words []string) error {
	n, err := strconv.Atoi(words[0])
	if err != nil {
		return err
	}
	contents := make([]string, n)
	for i := range contents {
		contents[i] = sample(i + 1)
	}
	f.Deliver(ann, mailbox.Inbox, contents...)
	return nil
}

// doMessage: do message TEXT, one message arrives for ann, whose text is a Go string without its quotes; "_" is a space.
func (f *serving) doMessage(words []string) error {
	content, err := strconv.Unquote(`"` + strings.ReplaceAll(words[0], "_", " ") + `"`)
	if err == nil {
		f.Deliver(ann, mailbox.Inbox, content)
	}
	return err
}

// sample is the n-th of some messages that differ in their number only; those of one digit have 153 octets.
func sample(n int) string {
	return strings.ReplaceAll("Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nFrom: Fred Foobar <foobar@example.net>\r\n"+
		"Subject: message N\r\nMessage-ID: <N@example.net>\r\n\r\nThis is the text of N.\r\n", "N", strconv.Itoa(n))
}

func uidsOf(words []string) (set imap.Set, err error) {
	for _, w := range words {
		n, e := strconv.ParseUint(w, 10, 32)
		err = errors.Join(err, e)
		set.Add(uint32(n))
	}
	return set, err
}

// doExpunge: do expunge UID ..., of ann's INBOX, as an IMAP session does
func (f *serving) doExpunge(words []string) error {
	uids, err := uidsOf(words)
	if err == nil {
		_, err = f.Mailbox.Remove(f.T.Context(), ann, f.Path(ann, mailbox.Inbox).ID, uids)
	}
	return err
}

// doMove: do move UID ..., from ann's INBOX to her Archive
func (f *serving) doMove(words []string) error {
	uids, err := uidsOf(words)
	if err == nil {
		route := mailbox.Route{From: ann, Source: f.Path(ann, mailbox.Inbox).ID, To: ann, Target: f.Path(ann, "Archive").ID}
		_, err = f.Mailbox.As(ann).Move(f.T.Context(), route, uids)
	}
	return err
}

// doStore: do store FLAG UID ..., sets a flag in ann's INBOX
func (f *serving) doStore(words []string) error {
	uids, err := uidsOf(words[1:])
	if err != nil {
		return err
	}
	flags, err := mail.ParseFlags(words[:1])
	if err == nil {
		change := mailbox.FlagChange{Op: mailbox.AddFlags, Flags: flags}
		_, err = f.Mailbox.As(ann).StoreFlags(f.T.Context(), ann, f.Path(ann, mailbox.Inbox).ID, uids, change)
	}
	return err
}

// doRenumber: do renumber all, gives ann's mailboxes new UIDVALIDITYs, as after a restore
func (f *serving) doRenumber([]string) error {
	return f.Tx.Write(f.T.Context(), []mail.AccountID{ann}, func(t *tx.Tx) error {
		_, _, _, err := f.Mailbox.Renumber(t, ann, 0)
		return err
	})
}

// doWantUIDs: do wantuids SET, fails unless ann's INBOX has just these
func (f *serving) doWantUIDs(words []string) error {
	view, err := f.Mailbox.View(f.T.Context(), ann, f.Path(ann, mailbox.Inbox).ID)
	if err != nil {
		return err
	}
	var have imap.Set
	for _, e := range view.All() {
		have.Add(uint32(e.UID))
	}
	if got := have.String(); got != strings.Join(words, " ") {
		return fmt.Errorf("INBOX has the UIDs %q", got)
	}
	return nil
}

// doWantFlags: do wantflags UID FLAG ..., fails unless a message of ann's INBOX has just these
func (f *serving) doWantFlags(words []string) error {
	uids, err := uidsOf(words[:1])
	if err != nil {
		return err
	}
	view, err := f.Mailbox.View(f.T.Context(), ann, f.Path(ann, mailbox.Inbox).ID)
	if err != nil {
		return err
	}
	e, _ := view.Find(mail.UID(uids[0].Start))
	if got := strings.Join(view.FlagsOf(e).Names(), " "); got != strings.Join(words[1:], " ") {
		return fmt.Errorf("the flags are %q", got)
	}
	return nil
}

// doPassword: do password ann TEXT
func (f *serving) doPassword(words []string) error {
	hash, err := f.Auth.HashPassword(f.T.Context(), words[1])
	if err != nil {
		return err
	}
	return f.Tx.Write(f.T.Context(), []mail.AccountID{ann}, func(t *tx.Tx) error { return f.Auth.SetPassword(t, ann, hash) })
}

// doAppPassword: do apppassword, of ann
func (f *serving) doAppPassword([]string) error {
	f.AddAppPassword()
	return nil
}
