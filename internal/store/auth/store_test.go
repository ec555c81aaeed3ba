package auth

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	annID, bobID mail.AccountID = 10, 11
	annPassword                 = "correct horse"
	bobPassword                 = "battery staple"
)

// world is a store with the accounts ann and bob (who is switched off while off is set), and a clock of its own.
type world struct {
	*Store
	clock *clock
	log   strings.Builder
	held  []time.Duration // refusals
	off   map[mail.AccountID]bool
}

func (w *world) directory(_ *tx.Tx, login string) (mail.AccountID, bool, error) {
	switch strings.ToLower(login) {
	case "ann@example.org", "alias@example.org":
		return annID, w.off[annID], nil
	case "bob@example.org":
		return bobID, w.off[bobID], nil
	}
	return 0, false, mail.E("directory", mail.NotFound, nil)
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		s, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		test(t, newWorld(t, s))
	})
}

func newWorld(t testing.TB, s *tx.Store) *world {
	w := &world{clock: newClock(), off: map[mail.AccountID]bool{}}
	w.Store = New(Options{Tx: s, Lookup: w.directory, Secret: make([]byte, 32), Params: cheap, Now: w.clock.now,
		Pause: func(_ context.Context, d time.Duration) { w.held = append(w.held, d) }, Logger: slog.New(slog.NewTextHandler(&w.log, nil))})
	err := s.Write(t.Context(), nil, func(t *tx.Tx) error {
		for _, id := range []mail.AccountID{annID, bobID} {
			t.SQL().Queue(`INSERT INTO account (id, state, epoch, modseq, log_floor, last_uidvalidity, quota_bytes, quota_messages,
				used_bytes, used_messages, wrapped_key) VALUES ($1, 'here', 1, 1, 0, 1, 0, 0, 0, 0, $2) ON CONFLICT DO NOTHING`, id, []byte("key"))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	w.setPassword(t, annID, annPassword)
	w.setPassword(t, bobID, bobPassword)
	return w
}

func (w *world) setPassword(t testing.TB, account mail.AccountID, password string) {
	t.Helper()
	h, err := w.HashPassword(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	w.write(t, func(t *tx.Tx) error { return w.SetPassword(t, account, h) })
}

func (w *world) write(t testing.TB, fn func(*tx.Tx) error) {
	t.Helper()
	if err := w.tx.Write(t.Context(), []mail.AccountID{annID, bobID}, fn); err != nil {
		t.Fatal(err)
	}
}

func (w *world) addApp(t testing.TB, account mail.AccountID, name string) (AppPassword, string) {
	t.Helper()
	secret, err := w.NewSecret(account)
	if err != nil {
		t.Fatal(err)
	}
	var a AppPassword
	w.write(t, func(t *tx.Tx) (err error) { a, err = w.AddAppPassword(t, account, name, secret); return err })
	return a, secret.Shown
}

func (w *world) apps(t testing.TB, account mail.AccountID) (out []AppPassword) {
	t.Helper()
	err := w.tx.Read(t.Context(), func(t *tx.Tx) (err error) { out, err = w.AppPasswords(t, account); return err })
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func (w *world) verify(t testing.TB, login, password string) (SignIn, error) {
	return w.Verify(t.Context(), Attempt{Login: login, Password: password, Remote: netip.MustParseAddr("192.0.2.1"), Protocol: "test"})
}

// want checks the kind of an attempt's error.
func (w *world) want(t testing.TB, login, password string, kind mail.Kind) SignIn {
	t.Helper()
	in, err := w.verify(t, login, password)
	if (err != nil) != (kind != "") || err != nil && !mail.Is(err, kind) {
		t.Errorf("%s with %q: %v, want %q", login, password, err, kind)
	}
	if err != nil && in != (SignIn{}) {
		t.Errorf("refused with %+v", in)
	}
	return in
}

func TestVerify(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		app, shown := w.addApp(t, annID, "phone")
		_, bobs := w.addApp(t, bobID, "phone")
		for _, c := range []struct {
			login, password string
			kind            mail.Kind
			want            SignIn
		}{
			{"ann@example.org", annPassword, "", SignIn{Account: annID}},
			{" ANN@example.org", annPassword, "", SignIn{Account: annID}},
			{"alias@example.org", annPassword, "", SignIn{Account: annID}},
			{"bob@example.org", bobPassword, "", SignIn{Account: bobID}},
			{"ann@example.org", bobPassword, mail.Denied, SignIn{}},
			{"ann@example.org", "", mail.Denied, SignIn{}},
			{"ann@example.org", annPassword + " ", mail.Denied, SignIn{}},
			{"ann@example.org", strings.Repeat("x", 1<<20), mail.Denied, SignIn{}},
			{"nobody@example.org", annPassword, mail.Denied, SignIn{}},
			{"", annPassword, mail.Denied, SignIn{}},
			{strings.Repeat("x", 1<<20), annPassword, mail.Denied, SignIn{}},
			{"ann@example.org", shown, "", SignIn{Account: annID, AppPassword: app.ID}},
			{"ann@example.org", strings.ReplaceAll(shown, "-", ""), "", SignIn{Account: annID, AppPassword: app.ID}},
			{"ann@example.org", strings.ToUpper(strings.ReplaceAll(shown, "-", " ")), "", SignIn{Account: annID, AppPassword: app.ID}},
			{"ann@example.org", shown[:len(shown)-1], mail.Denied, SignIn{}},
			{"ann@example.org", bobs, mail.Denied, SignIn{}},
		} {
			if in := who(w.want(t, c.login, c.password, c.kind)); in != c.want {
				t.Errorf("%.30s with %.30q signed in as %+v, want %+v", c.login, c.password, in, c.want)
			}
		}
	})
}

// who is a sign-in without what Recheck needs.
func who(in SignIn) SignIn { return SignIn{Account: in.Account, AppPassword: in.AppPassword} }

// Ten connections at once, and the eleventh later, cost one Argon2id.
func TestVerifyPaysOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		before := w.hasher.runs.Load()
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() { w.want(t, "ann@example.org", annPassword, "") })
		}
		wg.Wait()
		w.want(t, "alias@example.org", annPassword, "")
		if n := w.hasher.runs.Load() - before; n != 1 {
			t.Errorf("eleven sign-ins cost %d hashes", n)
		}
		k, err := w.know(t.Context(), "ann@example.org")
		if err != nil {
			t.Fatal(err)
		}
		// An attempt that looked before the first one ended, and got its turn after.
		if err := w.compare(t.Context(), k, w.guess(k, annPassword), home, annPassword); err != nil {
			t.Error(err)
		}
		if n := w.hasher.runs.Load() - before; n != 1 {
			t.Errorf("one that came late made it %d", n)
		}
		w.want(t, "ann@example.org", "battery staple", mail.Denied) // right for bob
		w.clock.pass(cachedFor)
		w.want(t, "ann@example.org", annPassword, "")
		if n := w.hasher.runs.Load() - before; n != 3 {
			t.Errorf("an hour and a wrong password later: %d hashes", n)
		}
	})
}

// What changes an account's secrets counts at once, also when another process did it.
func TestVerifyAfterChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, shown := w.addApp(t, annID, "phone")
		other := newWorld(t, w.tx) // another process on the same database
		w.want(t, "ann@example.org", annPassword, "")
		w.want(t, "ann@example.org", shown, "")
		w.want(t, "ann@example.org", "the next one", mail.Denied)

		other.setPassword(t, annID, "the next one")
		w.want(t, "ann@example.org", annPassword, mail.Denied)
		w.want(t, "ann@example.org", "the next one", "") // known to be wrong a moment ago

		w.off[annID] = true
		w.want(t, "ann@example.org", "the next one", mail.Disabled)
		w.want(t, "ann@example.org", shown, mail.Disabled)
		w.want(t, "ann@example.org", "anything", mail.Denied)
		w.off[annID] = false

		id := w.apps(t, annID)[0].ID
		other.write(t, func(t *tx.Tx) error { return other.RevokeAppPassword(t, annID, id) })
		w.want(t, "ann@example.org", shown, mail.Denied)

		other.write(t, func(t *tx.Tx) error { return other.RemoveAccount(t, annID) })
		w.want(t, "ann@example.org", "the next one", mail.Denied)
		w.want(t, "bob@example.org", bobPassword, "")
	})
}

func TestVerifyThrottled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, shown := w.addApp(t, annID, "phone")
		runs := w.hasher.runs.Load()
		for _, login := range []string{"ann@example.org", "nobody@example.org"} { // told apart by nothing
			for i := range freeForAccount + 1 {
				w.want(t, login, "wrong "+strings.Repeat("x", i), mail.Denied)
			}
			_, err := w.verify(t, login, annPassword)
			var wait Wait
			if !mail.Is(err, mail.Limit) || !errors.As(err, &wait) || wait.For != time.Second {
				t.Errorf("%s is not throttled: %v", login, err)
			}
			w.want(t, login, "wrong xxxx", mail.Denied) // known
		}
		if n := w.hasher.runs.Load() - runs; n != 2*(freeForAccount+1) {
			t.Errorf("%d hashes were made for %d guesses", n, 2*(freeForAccount+1))
		}
		w.want(t, "ann@example.org", shown, "") // an app password passes
		w.clock.pass(time.Second)
		w.want(t, "ann@example.org", annPassword, "")
	})
}

func TestAppPasswords(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		a, shown := w.addApp(t, annID, " phone ")
		if a.Name != "phone" || len(strings.ReplaceAll(shown, "-", "")) != appLength {
			t.Errorf("an app password is %+v, shown as %q", a, shown)
		}
		if _, again := w.addApp(t, annID, "laptop"); again == shown {
			t.Error("two app passwords are equal")
		}
		if got := w.apps(t, annID); len(got) != 2 || got[0] != a || got[1].Name != "laptop" || !got[0].LastUsed.IsZero() {
			t.Errorf("listed are %+v", got)
		}
		w.want(t, "ann@example.org", shown, "")
		used := w.apps(t, annID)
		if at := used[0].LastUsed; at.IsZero() || at.Minute() != 0 || time.Since(at) > 61*time.Minute || !used[1].LastUsed.IsZero() {
			t.Errorf("after use: %+v", used)
		}

		secret, _ := w.NewSecret(annID)
		for name, kind := range map[string]mail.Kind{"phone": mail.Exists, "": mail.Invalid, "a\nb": mail.Invalid, strings.Repeat("é", MaxAppName+1): mail.Invalid} {
			err := w.tx.Write(t.Context(), nil, func(t *tx.Tx) error { _, err := w.AddAppPassword(t, annID, name, secret); return err })
			if !mail.Is(err, kind) {
				t.Errorf("an app password named %.10q: %v, want %q", name, err, kind)
			}
		}
		for id, kind := range map[int64]mail.Kind{0: mail.NotFound, 99: mail.NotFound} { // 0 is the account's password
			err := w.tx.Write(t.Context(), nil, func(t *tx.Tx) error { return w.RevokeAppPassword(t, annID, id) })
			if !mail.Is(err, kind) {
				t.Errorf("revoking %d: %v", id, err)
			}
		}
		if err := w.tx.Write(t.Context(), nil, func(t *tx.Tx) error { return w.RevokeAppPassword(t, bobID, a.ID) }); !mail.Is(err, mail.NotFound) {
			t.Errorf("one account revokes another's: %v", err)
		}
		w.want(t, "ann@example.org", annPassword, "")
	})
}

func TestAppPasswordsLimit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		secret, _ := w.NewSecret(annID)
		err := w.tx.Write(t.Context(), nil, func(t *tx.Tx) error {
			for i := range MaxAppPasswords {
				if _, err := w.AddAppPassword(t, annID, strings.Repeat("x", i+1), secret); err != nil {
					return err
				}
			}
			_, err := w.AddAppPassword(t, annID, "one more", secret)
			return err
		})
		if !mail.Is(err, mail.Limit) || len(w.apps(t, annID)) != 0 {
			t.Errorf("one more than the limit: %v", err)
		}
	})
}

// A store that fails refuses sign-ins as unavailable and counts no failure.
func TestVerifyStoreFails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Store.lookup = func(*tx.Tx, string) (mail.AccountID, bool, error) {
			return 0, false, mail.E("x", mail.Unavailable, nil)
		}
		for range 3 * freeForAccount {
			w.want(t, "ann@example.org", annPassword, mail.Unavailable)
		}
		w.Store.lookup = w.directory
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.Verify(ctx, Attempt{Login: "ann@example.org", Password: annPassword}); !mail.Is(err, mail.Unavailable) {
			t.Errorf("with a cancelled context: %v", err)
		}
		w.want(t, "ann@example.org", annPassword, "")
	})
}

// BenchmarkVerify is what a sign-in costs with DefaultParams.
func BenchmarkVerify(b *testing.B) {
	s, err := tx.New(b.Context(), tx.Options{DB: dbtest.OnSQLite(b, schema.Files)()})
	if err != nil {
		b.Fatal(err)
	}
	w := newWorld(b, s)
	w.hasher = newHasher(DefaultParams, DefaultParallel)
	w.setPassword(b, annID, annPassword)
	_, shown := w.addApp(b, annID, "phone")
	for what, password := range map[string]string{"known": annPassword, "app": shown, "fresh": annPassword} {
		b.Run(what, func(b *testing.B) {
			for b.Loop() {
				if what == "fresh" {
					w.cache = newCache(w.clock.now)
				}
				w.want(b, "ann@example.org", password, "")
			}
		})
	}
}
