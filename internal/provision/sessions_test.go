package provision

import (
	"context"
	"net/netip"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/auth"
)

// Whatever ends a session rings the account's bell, so that the door asks whether it may go on; and it may not.
func TestWhatEndsSessionsRings(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := t.Context()
		if _, err := w.AddDomain(ctx, "example.org"); err != nil {
			t.Fatal(err)
		}
		ann := w.add("ann@example.org")
		app, shown, err := w.AddAppPassword(ctx, ann.Address, "phone")
		if err != nil {
			t.Fatal(err)
		}
		off, on := true, false
		for _, c := range []struct {
			name, password string
			do, undo       func(context.Context) error
			want           mail.Kind
		}{
			{"disable", "a password", func(ctx context.Context) error {
				_, err := w.ChangeAccount(ctx, ann.Address, AccountChange{Disabled: &off})
				return err
			}, func(ctx context.Context) error {
				_, err := w.ChangeAccount(ctx, ann.Address, AccountChange{Disabled: &on})
				return err
			}, mail.Disabled},
			{"revoke", shown, func(ctx context.Context) error { return w.RevokeAppPassword(ctx, ann.Address, app.ID) }, nil, mail.Denied},
			{"password", "a password", func(ctx context.Context) error { return w.SetPassword(ctx, ann.Address, "another password") }, nil, mail.Denied},
			{"remove", "another password", func(ctx context.Context) error { return w.RemoveAccount(ctx, ann.Address) }, nil, mail.Denied},
		} {
			in, err := w.auth.Verify(ctx, auth.Attempt{Login: "ann@example.org", Password: c.password, Remote: netip.MustParseAddr("127.0.0.1")})
			if err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			for len(w.rung) > 0 {
				<-w.rung
			}
			if err := c.do(ctx); err != nil {
				t.Fatalf("%s: %v", c.name, err)
			}
			if len(w.rung) != 1 || (<-w.rung).Account != ann.ID {
				t.Errorf("%s rings no bell", c.name)
			}
			if err := w.auth.Recheck(ctx, in); !mail.Is(err, c.want) {
				t.Errorf("%s: the session gets %v, want %q", c.name, err, c.want)
			}
			if c.undo != nil {
				if err := c.undo(ctx); err != nil {
					t.Fatal(err)
				}
				if err := w.auth.Recheck(ctx, in); err != nil {
					t.Errorf("%s undone: %v", c.name, err)
				}
			}
		}
	})
}
