package reports

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/rfc/tlsrpt"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

func each(t *testing.T, test func(t *testing.T, s *Store, do func(func(*tx.Tx) error))) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		x, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		test(t, New(), func(fn func(*tx.Tx) error) {
			t.Helper()
			if err := x.Write(t.Context(), nil, fn); err != nil {
				t.Fatal(err)
			}
		})
	})
}

var sts = tlsrpt.Applied{Type: tlsrpt.STS, Domain: "b.example", Hosts: []string{"*.b.example"}}

func expired(ip string) *tlsrpt.Failure {
	return &tlsrpt.Failure{Result: tlsrpt.Expired, Host: "mx.b.example", ReceivingIP: ip}
}

// age makes what was counted today something of yesterday.
func age(t *tx.Tx) error {
	_, err := t.SQL().Exec(`UPDATE tls_result SET day = day - $1`, (24 * time.Hour).Milliseconds())
	return err
}

// What was counted comes out once, summed up, and only when its day is over.
func TestResults(t *testing.T) {
	each(t, func(t *testing.T, s *Store, do func(func(*tx.Tx) error)) {
		count := func(results ...Result) { t.Helper(); do(func(t *tx.Tx) error { return s.Count(t, results) }) }
		count(Result{"b.example", sts, nil, 3}, Result{"b.example", sts, expired("192.0.2.1"), 1})
		count(Result{"b.example", sts, expired("192.0.2.1"), 1}, Result{"b.example", sts, nil, 2}, Result{"c.example", tlsrpt.Applied{Type: tlsrpt.NoPolicy}, nil, 1})
		due := func() (found []string) {
			var day time.Time
			for domain, ok := "", true; ok; {
				do(func(t *tx.Tx) (err error) { day, domain, ok, err = s.Due(t, day, domain); return err })
				if ok {
					found = append(found, domain)
				}
			}
			return found
		}
		if found := due(); len(found) != 0 {
			t.Errorf("due before the day is over: %v", found)
		}
		do(age)
		if found := due(); fmt.Sprint(found) != "[b.example c.example]" {
			t.Errorf("due are %v", found)
		}
		var yesterday time.Time
		take := func() (taken []Result) {
			do(func(t *tx.Tx) (err error) {
				yesterday = Day(t.Now()).Add(-24 * time.Hour)
				if taken, err = s.Results(t, yesterday, "b.example"); err != nil {
					return err
				}
				ok, err := s.Remove(t, yesterday, "b.example")
				if ok != (len(taken) > 0) {
					return fmt.Errorf("removed: %v, of %d", ok, len(taken))
				}
				return err
			})
			return taken
		}
		taken := take()
		if len(taken) != 2 {
			t.Fatalf("taken are %+v", taken)
		}
		for _, r := range taken {
			if r.Failure == nil && r.Sessions != 5 || r.Failure != nil && (r.Sessions != 2 || r.Failure.ReceivingIP != "192.0.2.1") || r.Policy.Hosts[0] != "*.b.example" {
				t.Errorf("taken is %+v", r)
			}
		}
		if again := take(); len(again) != 0 {
			t.Errorf("taken again: %+v", again)
		}
		if found := due(); fmt.Sprint(found) != "[c.example]" {
			t.Errorf("then due are %v", found)
		}
	})
}

// A host that fails in ever new ways does not fill the database, and is counted all the same.
func TestResultsAreBounded(t *testing.T) {
	each(t, func(t *testing.T, s *Store, do func(func(*tx.Tx) error)) {
		const more = 20
		var results []Result
		for i := range MaxResults + more {
			results = append(results, Result{"b.example", sts, expired(fmt.Sprint("192.0.2.", i)), 1})
		}
		do(func(t *tx.Tx) error { return s.Count(t, results[:MaxResults]) })
		do(func(t *tx.Tx) error { return s.Count(t, results[MaxResults:]) })
		do(age)
		do(func(tr *tx.Tx) error {
			taken, err := s.Results(tr, Day(tr.Now()).Add(-24*time.Hour), "b.example")
			var sessions, unnamed int64
			for _, r := range taken {
				sessions += r.Sessions
				if r.Failure.ReceivingIP == "" {
					unnamed += r.Sessions
				}
			}
			if len(taken) != MaxResults+1 || sessions != MaxResults+more || unnamed != more {
				t.Errorf("%d results of %d sessions, %d without an address", len(taken), sessions, unnamed)
			}
			return err
		})
	})
}

// A post is handed out to one at a time, again after its pause, until it is done. What is rolled back is not handed out.
func TestPosts(t *testing.T) {
	each(t, func(t *testing.T, s *Store, do func(func(*tx.Tx) error)) {
		do(func(t *tx.Tx) error {
			return s.Owe(t, Post{Domain: "b.example", URL: "https://b.example", Report: []byte("x")})
		})
		next := func(pause time.Duration) (p Post, ok bool) {
			do(func(t *tx.Tx) (err error) {
				p, ok, err = s.Next(t, func(int) time.Duration { return pause })
				return err
			})
			return p, ok
		}
		first, ok := next(0)
		if !ok || first.URL != "https://b.example" || string(first.Report) != "x" || first.Attempts != 1 {
			t.Fatalf("%+v, %v", first, ok)
		}
		again, ok := next(time.Hour)
		if !ok || again.ID != first.ID || again.Attempts != 2 {
			t.Fatalf("again: %+v, %v", again, ok)
		}
		if p, ok := next(0); ok {
			t.Errorf("before its time: %+v", p)
		}
		do(func(t *tx.Tx) error { return errors.Join(s.Done(t, first.ID), s.Done(t, first.ID)) })
	})
}
