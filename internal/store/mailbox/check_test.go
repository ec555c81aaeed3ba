package mailbox

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// findings are what Check says, and bodies whose holds are not the emails on them.
func (r *room) findings(t *tx.Tx, account mail.AccountID) (found []string, err error) {
	if err := check(t, account, func(f Finding) { found = append(found, f.String()) }); err != nil {
		return nil, err
	}
	want := make(map[mail.BlobID]int64)
	if err := r.Holds(t, account, func(b mail.BlobID, n int64) error { want[b] = n; return nil }); err != nil {
		return nil, err
	}
	rows, err := t.SQL().Query(`SELECT blob_id, holds FROM blob WHERE account_id = $1`, account)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var b mail.BlobID
		var n int64
		if err := rows.Scan(&b, &n); err != nil {
			return nil, err
		}
		if want[b] != n {
			found = append(found, fmt.Sprintf("body %v has %d holds, and %d emails", b, n, want[b]))
		}
		delete(want, b)
	}
	for b := range want {
		found = append(found, fmt.Sprintf("body %v is gone", b))
	}
	return found, rows.Err()
}

// sound fails the test when Check finds something.
func (r *room) sound(t rapid.TB, accounts ...mail.AccountID) {
	t.Helper()
	for _, a := range accounts {
		var found []string
		r.read(func(t *tx.Tx) (err error) {
			found, err = r.findings(t, a)
			return err
		})
		if len(found) > 0 {
			t.Fatalf("verify found:\n%s", strings.Join(found, "\n"))
		}
	}
}

// again puts the third message into another mailbox, with these flags and keywords.
func again(flags string) string {
	return `INSERT INTO membership (account_id, mailbox_id, uid, email_id, modseq, flags, keywords, size, received, saved,
			thread_id, sent, attachment)
		SELECT account_id, mailbox_id + 1, uid, email_id, modseq, ` + flags + `, size, received, saved,
			thread_id, sent, attachment FROM membership WHERE uid = 3`
}

func TestCheckFindsEveryBrokenRule(t *testing.T) {
	damages := []struct{ name, sql, want string }{
		{"messages", `UPDATE mailbox SET messages = messages + 1 WHERE role = 'inbox'`, "messages of a mailbox are counted right (4, should be 3)"},
		{"unread", `UPDATE mailbox SET unread = 0 WHERE role = 'inbox'`, "unread of a mailbox are counted right (0, should be 1)"},
		{"unseen", `UPDATE mailbox SET unseen = 0 WHERE role = 'inbox'`, "unseen of a mailbox are counted right (0, should be 2)"},
		{"deleted", `UPDATE mailbox SET deleted = 7 WHERE role = 'inbox'`, "deleted of a mailbox are counted right (7, should be 1)"},
		{"bytes", `UPDATE mailbox SET bytes = 0 WHERE role = 'inbox'`, "bytes of a mailbox are counted right (0, should be 303)"},
		{"counters of an empty mailbox", `UPDATE mailbox SET messages = 1 WHERE name = 'empty'`, "(1, should be 0)"},
		{"used messages", `UPDATE account SET used_messages = 9`, "used_messages are counted right (9, should be 3)"},
		{"used bytes", `UPDATE account SET used_bytes = 0`, "used_bytes are counted right (0, should be 303)"},
		{"uidnext", `UPDATE mailbox SET uidnext = 3 WHERE role = 'inbox'`, "UIDNEXT is above every UID (3, should be 4)"},
		{"mailbox modseq", `UPDATE mailbox SET modseq = 1 WHERE role = 'inbox'`, "not below that of a message"},
		{"uidvalidity twice", `UPDATE mailbox SET uidvalidity = (SELECT MIN(uidvalidity) FROM mailbox WHERE account_id = 10)`, "UIDVALIDITY is unique"},
		{"uidvalidity not given", `UPDATE mailbox SET uidvalidity = 4294967295 WHERE name = 'empty'`, "was given by it"},
		{"subscription", `INSERT INTO subscription (account_id, path) SELECT account_id, name FROM mailbox WHERE name = 'empty'`, "only where none bears it (1, should be 0)"},
		{"parent", `UPDATE mailbox SET parent_id = 5 WHERE name = 'empty'`, "mailbox above a mailbox exists"},
		{"role twice", `UPDATE mailbox SET role = 'inbox'`, "role belongs to one mailbox"},
		{"email without membership", `DELETE FROM membership WHERE uid = 1`, "an email is in a mailbox (0"},
		{"membership without email", `DELETE FROM email WHERE id = (SELECT MIN(id) FROM email)`, "email of a membership exists"},
		{"membership without mailbox", `UPDATE membership SET mailbox_id = 4 WHERE uid = 1`, "mailbox of a membership exists"},
		{"twice in a mailbox", `UPDATE membership SET email_id = (SELECT MIN(id) FROM email WHERE account_id = 10) WHERE account_id = 10`, "in a mailbox once (3, should be 1)"},
		{"flags", again("flags + 2, keywords"), "the same flags but for \\Deleted (2, should be 0)"},
		{"keywords", again("flags, 'x'"), "the same flags but for \\Deleted (0, should be 0)"},
		{"size", `UPDATE email SET size = 1`, "repeats size, date and thread"},
		{"date", `UPDATE email SET received = 1`, "repeats size, date and thread"},
		{"thread", `UPDATE membership SET thread_id = 1`, "repeats size, date and thread"},
		{"account modseq", `UPDATE account SET modseq = 1`, "has given the modseq of every row of membership"},
		{"floor", `UPDATE account SET log_floor = 2`, "ends at its floor"},
		{"log of a membership", `DELETE FROM change WHERE uid = 2`, "has every membership's last change"},
		{"log of a mailbox", `DELETE FROM change WHERE kind = 1`, "has every mailbox's last change"},
		{"deleted mailbox", `UPDATE mailbox SET parent_id = -1 WHERE name = 'empty'`, "noted as unfinished work"},
		{"holds", `UPDATE blob SET holds = 2`, "has 2 holds, and 1 emails"},
		{"body", `DELETE FROM blob`, "is gone"},
	}
	each(t, func(t *testing.T, r *room) {
		in := r.path(alice, Inbox)
		r.append(alice, in.ID, testMessage("1", `\Seen`))
		r.append(alice, in.ID, testMessage("2", `\Deleted`))
		r.append(alice, in.ID, testMessage("3"))
		r.create(alice, "empty")
		r.sound(t, alice, bob)
		for _, d := range damages {
			t.Run(d.name, func(t *testing.T) {
				var found []string
				// The damage is done and looked at in a transaction that is then given up.
				r.tx.Write(t.Context(), nil, func(x *tx.Tx) error {
					x.SQL().Queue(`DELETE FROM mailbox WHERE account_id = $1`, bob)
					_, err := x.SQL().Exec(d.sql)
					if err == nil {
						found, err = r.findings(x, alice)
					}
					if err != nil {
						t.Error(err)
					}
					return errors.New("give it up")
				})
				if all := strings.Join(found, "\n"); !strings.Contains(all, d.want) {
					t.Errorf("found %q, want %q", all, d.want)
				}
			})
		}
	})
}
