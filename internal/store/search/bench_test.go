package search_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// vocabulary is what prose is made of.
var vocabulary = func() (words []string) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 4000 {
		w := ""
		for range 1 + r.IntN(4) {
			w += []string{"ba", "cho", "de", "fi", "gru", "ka", "lo", "me", "ni", "po", "ra", "sha", "ti", "vu", "we"}[r.IntN(15)]
		}
		words = append(words, w)
	}
	return words
}()

// prose is text of about 4 KiB in which one word of twelve is of no vocabulary, and one word is in a message of a hundred.
func prose(r *rand.Rand, zipf *rand.Zipf, i int) string {
	b := make([]byte, 0, 4200)
	for len(b) < 4000 {
		if r.IntN(12) == 0 {
			b = strconv.AppendUint(b, r.Uint64(), 36)
		} else {
			b = append(b, vocabulary[zipf.Uint64()]...)
		}
		if b = append(b, ' '); r.IntN(12) == 0 {
			b = append(b, '\r', '\n')
		}
	}
	return string(b) + fmt.Sprintf("\r\nquartzfjord%d\r\n", i%100)
}

func eachEngine(b *testing.B, run func(b *testing.B, s *store)) {
	b.Run("sqlite", func(b *testing.B) { run(b, newStore(b, dbtest.OnSQLite(b, schema.Files)())) })
	b.Run("postgres", func(b *testing.B) { run(b, newStore(b, dbtest.OnPostgres(b, schema.Files)())) })
}

const benchMessages = 5000

func (s *store) fill() {
	r := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(r, 1.07, 8, uint64(len(vocabulary)-1))
	for i := range benchMessages {
		s.deliver(text(fmt.Sprint(i), prose(r, zipf, i)), alice)
	}
}

// BenchmarkIndex makes the index of 5,000 messages of 4 KiB.
func BenchmarkIndex(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *store) {
		s.fill()
		for b.Loop() {
			s.must(s.index.Rebuild(b.Context(), alice))
			s.catchUp(alice)
		}
		b.ReportMetric(benchMessages*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		c, err := s.index.Check(b.Context(), alice)
		s.must(err)
		b.ReportMetric(float64(c.Bytes)/benchMessages, "B/message")
	})
}

// BenchmarkLookup asks it for words of different kinds.
func BenchmarkLookup(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *store) {
		s.fill()
		s.catchUp(alice)
		var ids []mail.EmailID
		for _, l := range s.letters(alice) {
			ids = append(ids, l.facts.Email)
		}
		for name, q := range map[string]*search.Query{
			"in one of 100": anywhere("quartzfjord77"),
			"in none":       anywhere("unheardofword"),
			"in all":        body("e"),
			"words":         search.Plan(search.Words{Value: "quartzfjord77 subject"}, search.Scope{}),
		} {
			b.Run(name, func(b *testing.B) {
				for b.Loop() {
					s.lookup(alice, q, ids, func(search.Found) {})
				}
			})
		}
	})
}
