package imapurl

import (
	"math"
	"reflect"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/imap"
)

func TestParse(t *testing.T) {
	base := Base("a b/é", 7)
	message := func(mailbox string, uid mail.UID) URL { return URL{Mailbox: mailbox, UID: uid} }
	with := func(u URL, change func(*URL)) URL { change(&u); return u }
	tests := []struct {
		ref  string
		want URL
	}{
		{"/Drafts/;UID=20", message("Drafts", 20)},
		{"/inbox/;uid=4294967295", message("INBOX", 1<<32-1)},
		{"/a/b/;UID=1", message("a/b", 1)},
		{"/e%CC%81/;UID=1", message("é", 1)},
		{"/%2Fa%3Bb/;UID=1", message("/a;b", 1)},
		{"/..//;UID=1", message("../", 1)},
		{"/Drafts;UIDVALIDITY=385759045/;UID=20/;section=HEADER", URL{Mailbox: "Drafts", UIDValidity: 385759045, UID: 20, Section: imap.Section{Kind: imap.SectionHeader}}},
		{"/D/;UID=2/;SECTION=1.2.MIME", URL{Mailbox: "D", UID: 2, Section: imap.Section{Part: []int{1, 2}, Kind: imap.SectionMIME}}},
		{"/D/;UID=2/;SECTION=HEADER.FIELDS%20(To)", URL{Mailbox: "D", UID: 2, Section: imap.Section{Kind: imap.SectionHeaderFields, Fields: []string{"To"}}}},
		{"/D/;UID=2/;SECTION=1/;PARTIAL=0.1024", URL{Mailbox: "D", UID: 2, Section: imap.Section{Part: []int{1}}, Partial: &imap.Partial{Count: 1024}}},
		{"/D/;UID=2/;PARTIAL=9", URL{Mailbox: "D", UID: 2, Partial: &imap.Partial{Offset: 9, Count: math.MaxInt64}}},
		{";UID=2", URL{Mailbox: "a b/é", UIDValidity: 7, UID: 2}},
		{";UID=2/;SECTION=TEXT", URL{Mailbox: "a b/é", UIDValidity: 7, UID: 2, Section: imap.Section{Kind: imap.SectionText}}},
		{"imap://Mail.Example/D/;UID=2", with(message("D", 2), func(u *URL) { u.Server = &Server{Host: "mail.example"} })},
		{"IMAP://ann%40x;AUTH=*@h:993/D/;UID=2", with(message("D", 2), func(u *URL) { u.Server = &Server{"ann@x", "h", 993} })},
		{"//;AUTH=PLAIN@[::1]:1/D/;UID=2", with(message("D", 2), func(u *URL) { u.Server = &Server{"", "[::1]", 1} })},
	}
	for _, tt := range tests {
		got, err := Parse(tt.ref, base)
		if err != nil || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s\n got %+v %v\nwant %+v", tt.ref, got, err, tt.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, ref := range []string{"", "/", "//", "imap:", "imap:/a/;UID=1", "imap://", "http://h/a/;UID=1", "/a", "/a/", "/a;UID=1", "/a/;UID=0", "/a/;UID=+1",
		"/a/;UID=4294967296", "/a/;UID=*", "/a/;UID=1/", "/a/;UID=1/x", "/;UID=1", "/a;UIDVALIDITY=0/;UID=1", "/a;X=1/;UID=1",
		"/a/;UID=1/;SECTION=", "/a/;UID=1/;SECTION=bogus", "/a/;UID=1/;SECTION=1]", "/a/;UID=1/;PARTIAL=", "/a/;UID=1/;PARTIAL=1.", "/a/;UID=1/;PARTIAL=1.0",
		"/a/;UID=1/;PARTIAL=-1", "/a/;UID=1/;PARTIAL=1/;SECTION=1", "/a/;UID=1/;SECTION=1/;SECTION=1", "/a/;UID=1/;X=1",
		"/a/;UID=1;URLAUTH=anonymous:INTERNAL:0", "/a/;UID=1/;SECTION=1;EXPIRE=2;URLAUTH=x", "/a?TEXT%20x", "/a%/;UID=1", "/a%4/;UID=1", "/a%zz/;UID=1",
		"/%FF/;UID=1", "/%00/;UID=1", "/\xc3\xa9/;UID=1", "/a b/;UID=1", ";UID=1", "x/;UID=1", "//h:0/a/;UID=1", "//h:x/a/;UID=1", "//@/a/;UID=1",
		"//a;b@h/a/;UID=1", "//a@b@h/a/;UID=1", "/a/;UID=1/;SECTION=HEADER.FIELDS%20({1+}%0D%0Ax)"} {
		if got, err := Parse(ref, ""); err == nil {
			t.Errorf("%q: %+v", ref, got)
		}
	}
}

// What is read is written so that it is read again.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"/Drafts;UIDVALIDITY=3/;UID=20/;SECTION=1.2.HEADER.FIELDS%20(To)/;PARTIAL=0.9", ";UID=1/;PARTIAL=2",
		"imap://ann%40example.org;AUTH=*@Host:143/%C3%A9/;UID=1", "//[::1]/a/b/;UID=1", "/a?x", "/%25/;UID=1"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, ref string) {
		u, err := Parse(ref, Base("b;/%", 1))
		if err != nil {
			return
		}
		again, err := Parse(u.String(), "")
		if err != nil || !reflect.DeepEqual(again, u) {
			t.Fatalf("%q is %+v, written %s, read %+v %v", ref, u, u, again, err)
		}
	})
}
