package search_test

import (
	"io"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/search"
)

// dated is a message of which nothing counts but its dates.
type dated search.Facts

func (d dated) Facts() search.Facts              { return search.Facts(d) }
func (dated) Thread() (mail.ThreadID, error)     { return 0, nil }
func (dated) Summary() (*message.Summary, error) { return new(message.Summary), nil }
func (dated) Content() (io.ReaderAt, error)      { return nil, nil }

// The moment itself is on both sides, and the part of a second that a message's time has does not count (RFC 5032 2).
func TestReceived(t *testing.T) {
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	for _, tt := range []struct {
		received time.Time
		from, to bool
	}{
		{at, true, true},
		{at.Add(999 * time.Millisecond), true, true},
		{at.Add(time.Second), true, false},
		{at.Add(-time.Millisecond), false, true},
	} {
		for _, q := range []struct {
			key  search.Received
			want bool
		}{{search.Received{From: at}, tt.from}, {search.Received{To: at}, tt.to}, {search.Received{}, true}} {
			found, decided := search.Plan(q.key, search.Scope{}).ByFacts(&search.Facts{Received: tt.received}, search.Hits{})
			if found != q.want || !decided {
				t.Errorf("%v of %v: %v, want %v", q.key, tt.received, found, q.want)
			}
		}
	}
}

func TestSavedDate(t *testing.T) {
	q := search.Plan(search.SavedDate{Op: search.On, Day: time.Date(2026, 3, 4, 0, 0, 0, 0, time.UTC)}, search.Scope{})
	if !q.NeedsSaved() || !q.NeedsRow() {
		t.Error("save dates are not in the view")
	}
	m := dated{Saved: time.Date(2026, 3, 4, 23, 59, 0, 0, time.UTC), Received: time.Unix(0, 0)}
	if found, err := q.Match(m, search.Hits{}); !found || err != nil {
		t.Errorf("%v, %v", found, err)
	}
	if q := search.Plan(search.All{}, search.Scope{}); q.NeedsSaved() {
		t.Error("ALL needs no save dates")
	}
}
