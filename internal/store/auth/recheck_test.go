package auth

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/sasl"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// A session that is open is good for as long as its secret is, whatever happens to others.
func TestRecheck(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		phone, phonePassword := w.addApp(t, annID, "phone")
		laptop, laptopPassword := w.addApp(t, annID, "laptop")
		scram := w.begin(t, sasl.SCRAMSHA256, peer)
		if err := scramWith(scram, "ann@example.org", laptopPassword, nil); err != nil {
			t.Fatal(err)
		}
		sessions := map[string]SignIn{
			"password": w.want(t, "ann@example.org", annPassword, ""),
			"alias":    w.want(t, " Alias@example.org", annPassword, ""),
			"phone":    w.want(t, "ann@example.org", phonePassword, ""),
			"laptop":   scram.SignIn(),
			"bob":      w.want(t, "bob@example.org", bobPassword, ""),
		}
		want := func(when string, ended map[string]mail.Kind) {
			t.Helper()
			for name, in := range sessions {
				if err := w.Recheck(t.Context(), in); mail.KindOf(err) != ended[name] && (err != nil || ended[name] != "") {
					t.Errorf("%s: the session by %s: %v, want %q", when, name, err, ended[name])
				}
				w.write(t, func(tx *tx.Tx) error {
					holds, err := w.CredentialHolds(tx, in.Account, in.Credential())
					if holds != (ended[name] == "") {
						t.Errorf("%s: what was signed in with %s holds: %v", when, name, holds)
					}
					return err
				})
			}
		}
		want("at first", nil)
		w.addApp(t, annID, "tablet")
		want("after one more app password", nil)
		w.write(t, func(t *tx.Tx) error { return w.RevokeAppPassword(t, annID, phone.ID) })
		want("after the phone was revoked", map[string]mail.Kind{"phone": mail.Denied})
		w.setPassword(t, annID, "another password")
		want("after another password", map[string]mail.Kind{"phone": mail.Denied, "password": mail.Denied, "alias": mail.Denied})
		w.setPassword(t, annID, annPassword) // hashed anew: who has it signs in again
		want("after the old password again", map[string]mail.Kind{"phone": mail.Denied, "password": mail.Denied, "alias": mail.Denied})
		w.off[annID] = true
		want("switched off", map[string]mail.Kind{"phone": mail.Denied, "password": mail.Denied, "alias": mail.Denied, "laptop": mail.Disabled})
		w.off[annID] = false
		w.write(t, func(t *tx.Tx) error { return w.RemoveAccount(t, annID) })
		want("removed", map[string]mail.Kind{"phone": mail.Denied, "password": mail.Denied, "alias": mail.Denied, "laptop": mail.Denied})

		if err := w.Recheck(t.Context(), SignIn{}); !errors.Is(err, ErrCredentials) {
			t.Errorf("nobody: %v", err)
		}
		if err := w.Recheck(t.Context(), SignIn{Account: annID, AppPassword: laptop.ID}); !errors.Is(err, ErrCredentials) {
			t.Errorf("made up: %v", err)
		}
	})
}

// An open session is looked at now and then, and ends when its sign-in is known to be gone; a store that cannot answer ends none.
func TestStands(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		st := Stand(w.want(t, "ann@example.org", annPassword, ""))
		stands := func(ctx context.Context, every time.Duration, want mail.Kind) {
			t.Helper()
			if err := w.Stands(ctx, &st, every); mail.KindOf(err) != want && (err != nil || want != "") {
				t.Errorf("%v, want %q", err, want)
			}
		}
		stands(t.Context(), 0, "")
		w.off[annID] = true
		stands(t.Context(), time.Hour, "")
		stands(t.Context(), 0, mail.Disabled)
		w.off[annID] = false
		w.setPassword(t, annID, "another password")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		stands(gone, 0, "")
		stands(t.Context(), 0, mail.Denied)
	})
}

func TestCredentialHolds(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		good := w.want(t, "ann@example.org", annPassword, "").Credential()
		w.write(t, func(tx *tx.Tx) error {
			for _, credential := range []string{"", "secret", "secret x y z", "secret 0 00 ann@example.org", "session 1", "session x", "other 1"} {
				if holds, err := w.CredentialHolds(tx, annID, credential); holds || err != nil {
					t.Errorf("%q holds: %v, %v", credential, holds, err)
				}
			}
			if holds, err := w.CredentialHolds(tx, bobID, good); holds || err != nil {
				t.Errorf("Ann's holds for Bob: %v, %v", holds, err)
			}
			return nil
		})
	})
}
