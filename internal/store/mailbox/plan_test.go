package mailbox

import (
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Single emails are found by an index in an account of any size, also before anything has been counted in the database: SQLite's
// own guess is that an account has ten messages, all of which it would read for each flag that is set.
func TestPlans(t *testing.T) {
	x, err := tx.New(t.Context(), tx.Options{DB: dbtest.OnSQLite(t, schema.Files)()})
	if err != nil {
		t.Fatal(err)
	}
	list := func(n int) string { return "IN (5" + strings.Repeat(", 5", n-1) + ")" }
	for _, statement := range []struct{ sql, index string }{
		{`SELECT mailbox_id, uid, flags, email_id FROM membership WHERE account_id = 1 AND mailbox_id <> 2 AND email_id `, "membership_email"},
		{`SELECT email_id, mailbox_id, flags, keywords FROM membership WHERE account_id = 1 AND email_id `, "membership_email"},
		{`SELECT summary FROM email e WHERE account_id = 1 AND thread_id <> id AND thread_id `, "email_thread"},
	} {
		for _, n := range inSizes {
			var plan string
			err := x.Read(t.Context(), func(t *tx.Tx) error {
				var id, parent, unused int
				return t.SQL().QueryRow(`EXPLAIN QUERY PLAN `+statement.sql+list(n)).Scan(&id, &parent, &unused, &plan)
			})
			if err != nil || !strings.Contains(plan, statement.index+" (account_id=? AND ") {
				t.Errorf("%s... %d emails: %s (%v)", statement.sql, n, plan, err)
			}
		}
	}
}
