package directory

import (
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Whether there is room is known once an address is resolved, without another question; what was not read on the way is asked for.
func TestRoom(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.domain("example.org")
		for id, q := range map[mail.AccountID]Quota{10: {}, 11: {Bytes: 100}, 12: {Messages: 1, Bytes: 100}} {
			w.account(id, map[mail.AccountID]string{10: "ann", 11: "small", 12: "tiny"}[id]+"@example.org")
			w.do(func(t *tx.Tx) error { return w.AddHome(t, id, []byte{1}, q) })
		}
		w.account(13, "away@example.org")
		w.alias("both@example.org", "tiny@example.org", "ann@example.org")
		w.alias("role@example.org", "abuse@example.org") // which the oldest account reads: nothing was asked about it
		w.do(func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE account SET used_bytes = 60, used_messages = 1 WHERE id <> $1`, 10)
			return err
		})
		for _, tt := range []struct {
			to   string
			size int64
			want mail.Kind
		}{
			{"ann", 1 << 40, ""}, {"small", 40, ""}, {"small+x", 41, mail.OverQuota}, {"tiny", 1, mail.OverQuota}, {"both", 1, ""}, {"role", 1, ""}, {"away", 1, mail.NotFound},
		} {
			r, err := w.resolve(addr(tt.to + "@example.org"))
			if err != nil {
				t.Fatal(err)
			}
			err = w.tx.Read(t.Context(), func(t *tx.Tx) error { return w.Room(t, r, tt.size) })
			if tt.want == "" && err != nil || tt.want != "" && !mail.Is(err, tt.want) {
				t.Errorf("%s, %d bytes: %v, want kind %q", tt.to, tt.size, err, tt.want)
			}
		}
		r, err := w.resolve(addr("small@example.org"))
		if err != nil {
			t.Fatal(err)
		}
		w.doLocked(11, func(t *tx.Tx) error { return w.SetQuota(t, 11, Quota{Bytes: 1}) })
		if err := w.tx.Read(t.Context(), func(t *tx.Tx) error { return w.Room(t, r, 1) }); err != nil {
			t.Errorf("it was asked again: %v", err)
		}
	})
}
