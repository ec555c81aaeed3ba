package vacation

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const ann, bob = mail.AccountID(10), mail.AccountID(11)

func TestVacation(t *testing.T) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
		x, err := tx.New(t.Context(), tx.Options{DB: open(func(o *db.Options) { o.Now = func() time.Time { return now } })})
		must(t, err)
		s, d := New(), directory.New(directory.Options{})
		write := func(fn func(*tx.Tx) error) error { return x.Write(t.Context(), []mail.AccountID{ann}, fn) }
		for _, id := range []mail.AccountID{ann, bob} {
			must(t, x.Write(t.Context(), nil, func(t *tx.Tx) error { return d.AddHome(t, id, make([]byte, 60), directory.Quota{}) }))
		}
		get := func(account mail.AccountID) (r Response) {
			must(t, x.Read(t.Context(), func(t *tx.Tx) (err error) { r, err = s.Get(t, account); return err }))
			return r
		}
		tell := func(to string) (first bool) {
			a, err := mail.ParseAddress(to)
			must(t, err)
			must(t, write(func(t *tx.Tx) (err error) { first, err = s.Tell(t, ann, a); return err }))
			return first
		}
		subject, empty := "away", ""
		want := Response{Enabled: true, From: now.Add(time.Hour), Subject: &subject, Text: &empty}
		set := 0
		s.OnSet(func() { set++ })
		must(t, write(func(t *tx.Tx) error { return s.Set(t, ann, want) }))
		if got := get(ann); !reflect.DeepEqual(got, want) || set != 1 {
			t.Errorf("%+v, want %+v", got, want)
		}
		if got := get(bob); !reflect.DeepEqual(got, Response{}) {
			t.Errorf("bob: %+v", got)
		}
		var enabled []mail.AccountID
		must(t, x.Read(t.Context(), func(t *tx.Tx) (err error) { enabled, err = s.Enabled(t, 0, 10); return err }))
		if !slices.Equal(enabled, []mail.AccountID{ann}) {
			t.Errorf("enabled are %v", enabled)
		}
		now = now.Add(time.Minute)
		if !tell("x@example.net") || tell("X@Example.NET") || !tell("y@example.net") {
			t.Error("each is told once")
		}
		now = now.Add(Pause - time.Second)
		if tell("x@example.net") {
			t.Error("told again before the time")
		}
		now = now.Add(2 * time.Second)
		if !tell("x@example.net") || tell("x@example.net") {
			t.Error("not told again after the time")
		}
		now = now.Add(time.Second)
		must(t, write(func(t *tx.Tx) error { return s.Set(t, ann, Response{Enabled: true}) }))
		if !tell("x@example.net") || tell("x@example.net") {
			t.Error("not told of a new response")
		}
		long := strings.Repeat("x", MaxBytes+1)
		if err := write(func(t *tx.Tx) error { return s.Set(t, ann, Response{Text: &long}) }); !mail.Is(err, mail.Limit) {
			t.Errorf("too long: %v", err)
		}
		now = now.Add(2 * Pause)
		must(t, x.Write(t.Context(), nil, func(t *tx.Tx) error { _, err := s.Forget(t); return err }))
		must(t, write(func(t *tx.Tx) error { _, err := s.Purge(t, ann); return err }))
		if got := get(ann); got.Enabled {
			t.Errorf("%+v", got)
		}
	})
}

func TestActive(t *testing.T) {
	now := time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		r    Response
		want bool
	}{
		"off":          {Response{}, false},
		"always":       {Response{Enabled: true}, true},
		"from now":     {Response{Enabled: true, From: now}, true},
		"not yet":      {Response{Enabled: true, From: now.Add(1)}, false},
		"until now":    {Response{Enabled: true, To: now}, false},
		"still":        {Response{Enabled: true, To: now.Add(1)}, true},
		"off meantime": {Response{From: now.Add(-1), To: now.Add(1)}, false},
	} {
		if got := tt.r.Active(now); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
