package bodies_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// name is a body that an account has.
type name struct {
	account mail.AccountID
	blob    mail.BlobID
}

// model is what accounts should have: how many holds of which content.
type model struct {
	*room
	holds   map[name]int
	content map[name]string
	put     []put // bodies that may still be named
}

type put struct {
	body    *bodies.Body
	content string
}

var accounts = []mail.AccountID{10, 11, 12}

func (m *model) have() []name {
	var names []name
	for n := range m.holds {
		names = append(names, n)
	}
	slices.SortFunc(names, func(a, b name) int {
		return slices.Compare(append(a.blob[:], byte(a.account)), append(b.blob[:], byte(b.account)))
	})
	return names
}

// deliver names a body, new or put before, for some accounts, in a commit that may fail.
func (m *model) deliver(t *rapid.T) {
	content := fmt.Sprint("content ", rapid.IntRange(0, 5).Draw(t, "content"))
	at := slices.IndexFunc(m.put, func(p put) bool { return p.content == content })
	if at < 0 || rapid.Bool().Draw(t, "new") {
		at = len(m.put)
		m.put = append(m.put, put{m.room.put(content), content})
	}
	b := m.put[at].body
	to := rapid.SliceOfNDistinct(rapid.SampledFrom(accounts), 1, 3, rapid.ID).Draw(t, "to")
	fails := rapid.IntRange(0, 4).Draw(t, "fails") == 0
	failed := errors.New("failed")
	var names []name
	err := m.tx.Write(context.Background(), to, func(t *tx.Tx) error {
		names = nil
		for _, a := range to {
			id, err := m.Hold(t, a, b)
			if err != nil {
				return err
			}
			names = append(names, name{a, id})
		}
		if fails {
			return failed
		}
		return nil
	})
	switch {
	case err == nil:
		for _, n := range names {
			m.holds[n]++
			m.content[n] = content
		}
	case errors.Is(err, bodies.ErrPutAgain):
		m.put = slices.Delete(m.put, at, at+1)
	case !errors.Is(err, failed):
		t.Fatal(err)
	}
}

func (m *model) again(t *rapid.T) {
	if names := m.have(); len(names) > 0 {
		n := rapid.SampledFrom(names).Draw(t, "name")
		m.write([]mail.AccountID{n.account}, func(t *tx.Tx) error { return m.HoldAgain(t, n.account, n.blob) })
		m.holds[n]++
	}
}

func (m *model) letGo(t *rapid.T) {
	if names := m.have(); len(names) > 0 {
		n := rapid.SampledFrom(names).Draw(t, "name")
		m.release(n.account, n.blob)
		if m.holds[n]--; m.holds[n] == 0 {
			delete(m.holds, n)
		}
	}
}

// check holds the rows to the model.
func (m *model) check(t *rapid.T) {
	for n := range m.holds {
		m.want(n.account, n.blob, m.content[n])
	}
	for _, a := range accounts {
		holds := func(_ *tx.Tx, a mail.AccountID, each func(mail.BlobID)) error {
			for n, count := range m.holds {
				for range count {
					if n.account == a {
						each(n.blob)
					}
				}
			}
			return nil
		}
		if err := m.CheckHolds(t.Context(), a, []bodies.Holds{holds}, func(f bodies.Finding) { t.Errorf("%+v", f) }); err != nil {
			t.Fatal(err)
		}
	}
}

// end lets everything go: no row and, but for bodies that were never named, no bytes are left.
func (m *model) end(t *rapid.T) {
	m.Check(t.Context(), func(f bodies.Finding) {
		if f.Severity != bodies.Info {
			t.Errorf("%+v", f)
		}
	})
	for n, count := range m.holds {
		for range count {
			m.release(n.account, n.blob)
		}
	}
	m.collect(0)
	for _, table := range []string{"blob", "object_unnamed", "object WHERE state <> 2"} {
		if n := m.count("SELECT count(*) FROM " + table); n != 0 {
			t.Errorf("%d rows of %s are left", n, table)
		}
	}
	m.empty()
}

func TestModel(t *testing.T) {
	each(t, func(r *room) {
		if checks := flag.Lookup("rapid.checks").Value; checks.String() == "100" { // nobody asked for a number
			checks.Set("30")
			defer checks.Set("100")
		}
		rapid.Check(t, func(t *rapid.T) {
			m := &model{room: r, holds: map[name]int{}, content: map[name]string{}}
			t.Repeat(map[string]func(*rapid.T){
				"deliver": m.deliver,
				"again":   m.again,
				"release": m.letGo,
				"collect": func(*rapid.T) { m.collect(0) },
				"check":   m.check,
			})
			m.end(t)
		})
	})
}
