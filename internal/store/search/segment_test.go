package search

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/blob/sealed"
	"github.com/mailmesh/mailmesh/internal/mail"
)

var testKey = [32]byte{1, 2, 3}

func sampleEntries() []entry {
	return []entry{
		{7, kept{text: []byte("HEADER\nPARTS\nBODY\n"), parts: 7, body: 13}},
		{9, kept{text: []byte("X\n"), parts: 2, body: 2, open: true}},
		{1 << 40, kept{}},
	}
}

// A segment gives back what it was made of, in the order of ids.
func TestSegment(t *testing.T) {
	want := sampleEntries()
	made, err := newSegment(5, []entry{want[2], want[0], want[1]}, testKey)
	if err != nil {
		t.Fatal(err)
	}
	read := &segment{id: 5, salt: made.salt, text: made.text}
	if err := read.parseList(made.list()); err != nil {
		t.Fatal(err)
	}
	var got []entry
	if _, err := read.open(testKey, nil, func(e *entry) error { got = append(got, *e); return nil }); err != nil {
		t.Fatal(err)
	}
	same := func(a, b entry) bool {
		return a.email == b.email && a.parts == b.parts && a.body == b.body && a.open == b.open && bytes.Equal(a.text, b.text)
	}
	if !slices.EqualFunc(got, want, same) {
		t.Errorf("%+v, want %+v", got, want)
	}
	stop := errors.New("stop")
	if _, err := read.open(testKey, nil, func(*entry) error { return stop }); err != stop {
		t.Errorf("stopped: %v", err)
	}
	read.id = 6
	if _, err := read.open(testKey, nil, func(*entry) error { return nil }); !errors.Is(err, sealed.ErrDamaged) {
		t.Errorf("under another id: %v", err)
	}
}

// FuzzList: what was not written by list is refused, or is a list of ids that ascend.
func FuzzList(f *testing.F) {
	made, err := newSegment(5, sampleEntries(), testKey)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(made.list())
	f.Add([]byte{0})
	f.Add([]byte{2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add(bytes.Repeat([]byte{2}, segmentEmails+1))
	f.Fuzz(func(t *testing.T, b []byte) {
		var s segment
		if s.parseList(b) != nil {
			return
		}
		if len(s.emails) > segmentEmails || !slices.IsSorted(s.emails) || len(s.emails) > 0 && s.emails[0] <= 0 || len(s.partly) != len(s.emails) {
			t.Fatalf("%v", s.emails)
		}
		var again segment
		if err := again.parseList(s.list()); err != nil || !slices.Equal(again.emails, s.emails) || !slices.Equal(again.partly, s.partly) {
			t.Fatalf("%v: %v", again.emails, err)
		}
	})
}

// FuzzOpen: even under the right key no clear text makes a segment panic or give texts that are not in it.
func FuzzOpen(f *testing.F) {
	f.Add([]byte{1, 2, 3, 'a', 'b', 'c'})
	f.Add([]byte{3, 2, 1, 'a', 'b', 'c'})
	f.Add([]byte{0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, clear []byte) {
		s := &segment{id: 1, emails: []mail.EmailID{4}, partly: []bool{false}, salt: make([]byte, saltSize)}
		var err error
		s.text, err = sealed.Seal(nil, 1, segmentKey(testKey, s.salt, textLabel), clear)
		if err != nil {
			t.Fatal(err)
		}
		_, err = s.open(testKey, nil, func(e *entry) error {
			if !bytes.Contains(clear, e.text) || e.parts > e.body || e.body > len(e.text) {
				t.Fatalf("%+v of %q", e, clear)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errSegment) && !errors.Is(err, sealed.ErrDamaged) {
			t.Fatal(err)
		}
	})
}
