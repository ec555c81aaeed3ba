package provision

import (
	"fmt"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// numbers are what a client of an account remembers, by mailbox: epoch and UIDVALIDITY.
func (w *world) numbers(id mail.AccountID) map[string][2]int64 {
	w.t.Helper()
	out := map[string][2]int64{}
	err := w.db.Read(w.t.Context(), func(t *db.Tx) error {
		rows, err := t.Query(`SELECT m.name, a.epoch, m.uidvalidity FROM mailbox m JOIN account a ON a.id = m.account_id WHERE a.id = $1`, id)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var name string
			var n [2]int64
			if err := rows.Scan(&name, &n[0], &n[1]); err != nil {
				return err
			}
			out[name] = n
		}
		return rows.Err()
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// After a restore every number that a client remembers is another, also where it stopped half-way and was run again.
func TestRestored(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		if err := w.Bootstrap(ctx); err != nil {
			t.Fatal(err)
		}
		var ids []mail.AccountID
		for i := range 3 {
			ids = append(ids, w.add(fmt.Sprintf("u%d@example.org", i)).ID)
		}
		gone := w.add("gone@example.org")
		if err := w.RemoveAccount(ctx, gone.Address); err != nil {
			t.Fatal(err)
		}
		before := make([]map[string][2]int64, len(ids))
		highest := int64(0)
		for i, id := range ids {
			before[i] = w.numbers(id)
			highest = max(highest, int64(id))
		}
		// Half-way: the first account was done, the others were not.
		if _, err := w.renumber(ctx, ids[0]); err != nil {
			t.Fatal(err)
		}
		done, err := w.Restored(ctx)
		if err != nil || done.Accounts != len(ids) || done.Mailboxes != len(ids)*len(mailboxes) || done.NextID <= highest+1<<36 {
			t.Errorf("did %+v, %v", done, err)
		}
		for i, id := range ids {
			for name, was := range before[i] {
				if is := w.numbers(id)[name]; is[0] <= was[0] || is[1] <= was[1] {
					t.Errorf("account %d, %s: epoch and UIDVALIDITY %v, were %v", i, name, is, was)
				}
			}
		}
		if done.Held != 0 {
			t.Errorf("an empty spool is held: %+v", done)
		}
		spooled := spool.New(spool.Options{})
		if err := w.tx.Write(ctx, nil, func(t *tx.Tx) error {
			_, err := spooled.Add(t, spool.Message{Envelope: mail.Envelope{Recipients: []mail.Recipient{{Address: mail.Address{Local: "x", Domain: "elsewhere.example"}}}}})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if done, err := w.Restored(ctx); err != nil || done.Held != 1 {
			t.Errorf("with a message in the spool it did %+v, %v", done, err)
		}
		if err := w.tx.Write(ctx, nil, func(tr *tx.Tx) error {
			jobs, _, err := spooled.Take(tr, spool.Lease{Owner: "n", Epoch: 1}, "elsewhere.example", 1)
			if len(jobs) > 0 {
				t.Error("mail from before the restore is sent without being asked")
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if a := w.add("new@example.org"); int64(a.ID) < done.NextID {
			t.Errorf("a new account has the id %d, below %d", a.ID, done.NextID)
		}
	})
}
