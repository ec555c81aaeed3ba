package tx_test

import (
	"context"
	"errors"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// A write whose fence has fallen changes nothing, whoever makes it with the context.
func TestFence(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		s, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		fallen := errors.New("fallen")
		var state error
		ctx := tx.WithFence(t.Context(), func(d *db.Tx) error {
			if _, err := d.Exec(`UPDATE instance SET swept = swept + 1`); err != nil {
				return err
			}
			return state
		})
		add := func(ctx context.Context, name string) error {
			return s.Write(ctx, nil, func(t *tx.Tx) error {
				t.SQL().Queue(`INSERT INTO domain (name, catch_all, disabled, created) VALUES ($1, '', 0, 0)`, name)
				return nil
			})
		}
		once := func(ctx context.Context, name string) error {
			_, err := tx.Once(ctx, s, tx.NewKey(), nil, func(t *tx.Tx) (int, error) {
				t.SQL().Queue(`INSERT INTO domain (name, catch_all, disabled, created) VALUES ($1, '', 0, 0)`, name)
				return 1, nil
			})
			return err
		}
		if err := errors.Join(add(ctx, "a"), once(ctx, "b")); err != nil {
			t.Fatal(err)
		}
		state = mail.E("test", mail.Gone, fallen)
		if err := add(ctx, "c"); !errors.Is(err, fallen) || !mail.Is(err, mail.Gone) {
			t.Errorf("a write: %v", err)
		}
		if err := once(ctx, "d"); !errors.Is(err, fallen) {
			t.Errorf("an unrepeatable write: %v", err)
		}
		if err := add(t.Context(), "e"); err != nil {
			t.Errorf("a write without a fence: %v", err)
		}
		var domains, swept int
		err = s.Read(ctx, func(t *tx.Tx) error {
			return t.SQL().QueryRow(`SELECT (SELECT count(*) FROM domain), swept FROM instance`).Scan(&domains, &swept)
		})
		if err != nil || domains != 3 || swept != 2 {
			t.Errorf("%d domains, %d times behind the fence, %v; want 3 and 2", domains, swept, err)
		}
	})
}
