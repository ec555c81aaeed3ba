package search_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// What ByFlags says of a query is what ByFacts says of each message.
func TestByFlags(t *testing.T) {
	names := []string{`\Seen`, `\seen`, `\Deleted`, "$Junk", `\Recent`, "private"}
	flag := rapid.Custom(func(t *rapid.T) search.Key { return search.Flag{Name: rapid.SampledFrom(names).Draw(t, "flag")} })
	single := rapid.OneOf(flag, rapid.Map(flag, func(k search.Key) search.Key { return search.Not{Key: k} }))
	rapid.Check(t, func(t *rapid.T) {
		key := search.And(rapid.SliceOfN(single, 0, 4).Draw(t, "keys"))
		q := search.Plan(key, search.Scope{})
		have, lack, ok := q.ByFlags()
		if !ok {
			return
		}
		f := search.Facts{Flags: mail.Flags{Bits: mail.Flag(rapid.Uint32().Draw(t, "flags"))}, Recent: rapid.Bool().Draw(t, "recent")}
		want, decided := q.ByFacts(&f, search.Hits{})
		if got := f.Flags.Bits&(have|lack) == have; !decided || got != want {
			t.Fatalf("%v of %v: %v by its flags, %v by its facts", key, f.Flags.Names(), got, want)
		}
	})
	for _, key := range []search.Key{
		search.Flag{Name: `\Recent`}, search.Flag{Name: "private"}, search.Or{search.Flag{Name: `\Seen`}}, search.Not{Key: search.And{search.Flag{Name: `\Seen`}}},
		search.Not{Key: search.Not{Key: search.Flag{Name: `\Seen`}}}, search.And{search.Flag{Name: `\Seen`}, search.Larger{Octets: 1}},
		search.And{search.Flag{Name: `\Seen`}, search.Not{Key: search.Flag{Name: `\Seen`}}},
	} {
		if _, _, ok := search.Plan(key, search.Scope{}).ByFlags(); ok {
			t.Errorf("%v is decided by flags alone", key)
		}
	}
	if have, lack, ok := search.Plan(search.Not{Key: search.Flag{Name: `\Seen`}}, search.Scope{}).ByFlags(); !ok || have != 0 || lack != mail.Seen {
		t.Errorf("UNSEEN: %v %v %v", have, lack, ok)
	}
}
