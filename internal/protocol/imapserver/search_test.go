package imapserver

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
)

// A search says the same with and without the text index, wherever that stands: with all messages in it, some, or none.
func TestSearchWithIndex(t *testing.T) {
	f := serve(t)
	texts := []string{"one apple", "two Äpfel", "three apples and pears", "four"}
	for i := range 40 {
		f.Deliver(ann, "INBOX", fmt.Sprintf("Subject: n%d\r\nX-Kind: fruit\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n%s\r\n", i, texts[i%4]))
		if i == 19 {
			for more := true; more; {
				var err error
				more, err = f.Index.Step(t.Context(), ann, false)
				f.Must(err)
			}
		}
	}
	c := f.login("SELECT INBOX", `STORE 1:8 +FLAGS.SILENT (\Seen)`)
	bare := serveRooms(t, f.Rooms, func(o *Options) { o.Finder = finderOf(o, nil, 0) }).login("SELECT INBOX")
	var opened atomic.Int64
	f.Blobs.Fail = func(string) error { opened.Add(1); return nil }
	for _, keys := range []string{
		"TEXT apple", "BODY apple", "BODY n1", "TEXT n1", "NOT BODY apple", "OR SEEN BODY apple", "UNSEEN BODY apple", "HEADER X-KIND Fruit",
		"HEADER X-Kind ruits", "BODY apple SUBJECT n2", "OR BODY four SUBJECT n2", "15:25 TEXT four", "OR BODY \"\" TEXT x", "BODY a BODY p NOT TEXT three",
	} {
		want := bare.ok("SEARCH " + keys)
		opened.Store(0)
		if got := c.ok("SEARCH " + keys); !slices.Equal(got, want) {
			t.Errorf("SEARCH %s: %q with the index, %q without", keys, got, want)
		}
		if n := opened.Load(); n > 20 {
			t.Errorf("SEARCH %s: %d messages were read, 20 of 40 are in the index", keys, n)
		}
	}
}
