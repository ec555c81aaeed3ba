package imapserver

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/doortest"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/test/dialogues"
)

// Each dialogue has a server and accounts of its own: ann and bob, each with INBOX, Drafts, Sent and Trash.
func TestDialogues(t *testing.T) { runDialogues(t, dbtest.OnSQLite) }

func TestDialoguesOnPostgres(t *testing.T) { runDialogues(t, dbtest.OnPostgres) }

func runDialogues(t *testing.T, on doortest.Engine) {
	dialogues.RunAll(t, "../../../test/dialogues/imap/*.dialogue", func(t *testing.T) dialogues.Options {
		t.Parallel()
		f := serveRooms(t, openRoomsOn(t, on), func(o *Options) {
			o.Limits.MessageSize = 100_000
			if strings.HasSuffix(t.Name(), "/savelimit") { // the others copy more
				o.Limits.Saved = 20
			}
			o.Limits.EventLines = 100
		})
		return dialogues.Options{
			Dial:    func(_ context.Context, protocol string) (net.Conn, error) { return f.Dial(protocol) },
			Do:      map[string]func([]string) error{"deliver": f.doDeliver, "quota": f.doQuota, "admin": f.doAdmin, "shared": f.doShared, "forget": f.doForget},
			Timeout: 5 * time.Second,
		}
	})
}

// doDeliver: do deliver PATH N, N messages arrive for ann: sample(1), sample(2) ...
func (f *serving) doDeliver(words []string) error {
	n, err := strconv.Atoi(words[1])
	if err != nil {
		return err
	}
	contents := make([]string, n)
	for i := range contents {
		contents[i] = sample(i + 1)
	}
	f.Deliver(ann, words[0], contents...)
	return nil
}

// sample is the n-th of some messages that differ in their number only.
func sample(n int) string {
	return strings.ReplaceAll("Date: Mon, 7 Feb 1994 21:52:25 -0800\r\nFrom: Fred Foobar <foobar@example.net>\r\n"+
		"Subject: message N\r\nMessage-ID: <N@example.net>\r\n\r\nThis is the text of message N.\r\n", "N", strconv.Itoa(n))
}

// doQuota: do quota BYTES MESSAGES [MAILBOXES], of ann
func (f *serving) doQuota(words []string) error {
	var q directory.Quota
	if _, err := fmt.Sscan(strings.Join(append(words, "0"), " "), &q.Bytes, &q.Messages, &q.Mailboxes); err != nil {
		return err
	}
	return f.Tx.Write(f.T.Context(), []mail.AccountID{ann}, func(t *tx.Tx) error { return f.Directory.SetQuota(t, ann, q) })
}

// doAdmin: do admin yes|no, of bob
func (f *serving) doAdmin(words []string) error {
	return f.Tx.Write(f.T.Context(), nil, func(t *tx.Tx) error { return f.Directory.SetAdmin(t, bob, words[0] == "yes") })
}

// doShared: do shared yes|no, ann's mailboxes are for many.
func (f *serving) doShared(words []string) error {
	return f.Tx.Write(f.T.Context(), nil, func(t *tx.Tx) error { return f.Directory.SetShared(t, ann, words[0] == "yes") })
}

// doForget: do forget log, the change log of ann reaches back to this moment only.
func (f *serving) doForget([]string) error {
	return f.DB.Write(f.T.Context(), 0, func(d *db.Tx) error {
		d.Queue(`DELETE FROM change WHERE account_id = $1`, ann)
		d.Queue(`UPDATE account SET log_floor = modseq WHERE id = $1`, ann)
		return nil
	})
}
