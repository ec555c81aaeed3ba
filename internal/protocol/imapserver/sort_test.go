package imapserver

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// What has to be held to put messages in order is bounded, and a smaller question is answered.
func TestSortLimit(t *testing.T) {
	t.Parallel()
	f := serve(t, func(o *Options) { o.Limits.SortBytes = 10 * 24 })
	f.Deliver(ann, "INBOX", slices.Repeat([]string{sample(1)}, 11)...)
	c := f.login("SELECT INBOX")
	if _, reply := c.do("SORT (ARRIVAL) UTF-8 ALL"); !strings.HasPrefix(reply, "NO [LIMIT] ") {
		t.Errorf("11 messages: %s", reply)
	}
	if got := c.ok("SORT (ARRIVAL) UTF-8 2:*"); len(got) != 1 || strings.Count(got[0], " ") != 11 {
		t.Errorf("10 messages: %q", got)
	}
}

func TestForeignClientSorts(t *testing.T) {
	t.Parallel()
	f := serve(t)
	f.Deliver(ann, "INBOX", "Subject: b\r\n\r\n", "Subject: Re: a\r\n\r\n", "Subject: c\r\n\r\n")
	c := f.foreign(nil)
	_, err := c.Select("INBOX", nil).Wait()
	f.Must(err)
	got, err := c.UIDSort(&imapclient.SortOptions{SearchCriteria: &imap.SearchCriteria{},
		SortCriteria: []imapclient.SortCriterion{{Key: imapclient.SortKeySubject, Reverse: true}}}).Wait()
	if err != nil || !slices.Equal(got, []uint32{3, 1, 2}) {
		t.Errorf("%v, %v", got, err)
	}
	threads, err := c.Thread(&imapclient.ThreadOptions{Algorithm: imap.ThreadReferences, SearchCriteria: &imap.SearchCriteria{}}).Wait()
	want := []imapclient.ThreadData{{Chain: []uint32{1}}, {Chain: []uint32{2}}, {Chain: []uint32{3}}}
	if err != nil || !reflect.DeepEqual(threads, want) {
		t.Errorf("%+v, %v", threads, err)
	}
}
