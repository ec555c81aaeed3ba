package imapserver

import (
	"slices"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
)

// Save dates are compared by the day, message by message, and searches find the same whether they read one batch or several.
func TestSearchBySaveDate(t *testing.T) {
	t.Parallel()
	f := serve(t)
	for range 6 {
		f.Deliver(ann, "INBOX", slices.Repeat([]string{sample(1)}, batchSize/2)...)
	}
	f.Must(f.DB.Write(t.Context(), 0, func(d *db.Tx) error {
		for uid := 1; uid <= 3*batchSize; uid += batchSize {
			d.Queue(`UPDATE membership SET saved = $1 WHERE account_id = $2 AND uid = $3`,
				time.Date(2014, 12, 28, 23, 59, 59, 0, time.UTC).UnixMilli(), ann, uid)
		}
		return nil
	}))
	c := f.login("SELECT INBOX")
	for keys, want := range map[string]string{
		"SAVEDON 28-Dec-2014":                                "* SEARCH 1 201 401",
		"SAVEDBEFORE 29-Dec-2014":                            "* SEARCH 1 201 401",
		"SAVEDBEFORE 28-Dec-2014":                            "* SEARCH",
		"SAVEDSINCE 28-Dec-2014 SAVEDBEFORE 29-Dec-2014 2:*": "* SEARCH 201 401",
		"NOT SAVEDSINCE 29-Dec-2014 BODY message":            "* SEARCH 1 201 401",
	} {
		if got := c.ok("SEARCH " + keys); !slices.Equal(got, []string{want}) {
			t.Errorf("SEARCH %s: %q, want %q", keys, got, want)
		}
	}
}
