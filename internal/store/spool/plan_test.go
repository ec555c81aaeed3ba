package spool

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// fill adds n recipients of as many messages: all wait, those of every hundredth destination are due.
func fill(t testing.TB, x *tx.Store, n int) {
	t.Helper()
	const rows = 1000
	now := time.Now().UnixMilli()
	for from := 0; from < n; from += rows {
		err := x.Write(t.Context(), nil, func(t *tx.Tx) error {
			for i := from; i < min(from+rows, n); i++ {
				domain := i % 1000
				due := now + int64(time.Hour/time.Millisecond) + int64(i)
				if domain%100 == 0 {
					due = now - int64(i)
				}
				t.SQL().Queue(`INSERT INTO spool_recipient (spool_id, recipient, address, domain, turn, due, attempts, deadline, held, warned, owner, epoch, fence, last)
					VALUES ($1, 0, $2, $3, 0, $4, 1, $5, 0, 0, '', 0, 0, '451 4.7.1 try again later')`,
					1_000_000+i, fmt.Sprintf("user%d@d%d.example", i, domain), fmt.Sprintf("d%d.example", domain), due, due+3_600_000)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// With much in the spool, every statement of the queue goes by an index that holds little more than what it returns.
func TestPlans(t *testing.T) {
	const domain = "d100.example"
	now := time.Now().UnixMilli()
	statements := []struct {
		name, sql, index string
		args             []any
	}{
		{"turn", selectTurn, "spool_destination", []any{domain, int64(beforeAll)}},
		{"take", selectTake, "spool_destination", []any{domain, int64(0), now, int64(MaxTake)}},
		{"due", selectDue, "spool_due", []any{now - 1000, domain, now, int64(100)}},
		{"next due", selectNextDue, "spool_due", []any{now}},
		{"destination", selectDestination, "spool_destination", []any{domain, int64(afterAll)}},
		{"owner", selectOwner, "spool_leased", []any{"a", int64(1)}},
		{"leased", selectLeased, "spool_leased", []any{"a", int64(1), int64(MaxTakeOver)}},
		{"postpone", selectPostpone, "spool_destination", []any{domain, int64(0), now, int64(MaxPostpone)}},
		{"held", selectHeld, "spool_held", []any{domain, int64(0), int64(10)}},
	}
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		d := open()
		x, err := tx.New(t.Context(), tx.Options{DB: d})
		if err != nil {
			t.Fatal(err)
		}
		fill(t, x, 20_000)
		for _, analyzed := range []bool{false, true} {
			if analyzed {
				do(t, x, func(t *tx.Tx) error { _, err := t.SQL().Exec(`ANALYZE`); return err })
			}
			for _, st := range statements {
				plan := explain(t, d, x, st.sql, st.args)
				if !strings.Contains(plan, st.index) || strings.Contains(plan, "Seq Scan") || strings.Contains(plan, "Sort") || strings.Contains(plan, "TEMP B-TREE") {
					t.Errorf("%s (analyzed %v): want a plan by %s without sorting:\n%s", st.name, analyzed, st.index, plan)
				}
			}
		}
	})
}

var placeholder = regexp.MustCompile(`\$\d+`)

// explain asks for the plan. PostgreSQL does not explain what has parameters, so they are written into the text.
func explain(t *testing.T, d *db.DB, x *tx.Store, sql string, args []any) (plan string) {
	t.Helper()
	prefix := "EXPLAIN QUERY PLAN "
	if d.Engine() == db.Postgres {
		prefix = "EXPLAIN "
	}
	sql = placeholder.ReplaceAllStringFunc(sql, func(p string) string {
		var n int
		fmt.Sscanf(p, "$%d", &n)
		if text, ok := args[n-1].(string); ok {
			return "'" + text + "'"
		}
		return fmt.Sprint(args[n-1])
	})
	do(t, x, func(t *tx.Tx) error {
		plan = ""
		rows, err := t.SQL().Query(prefix + sql)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var line string
			var columns []any
			if d.Engine() == db.SQLite {
				columns = []any{nil, nil, nil}
			}
			if err := rows.Scan(append(columns, &line)...); err != nil {
				return err
			}
			plan += line + "\n"
		}
		return rows.Err()
	})
	return plan
}
