package imapserver

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapclient"
)

// foreign is a client that others wrote, signed in as ann.
func (f *serving) foreign(o *imapclient.Options) *imapclient.Client {
	f.T.Helper()
	nc, err := f.Dial("imap")
	f.Must(err)
	c := imapclient.New(nc, o)
	f.T.Cleanup(func() { c.Close() })
	f.Must(c.WaitGreeting())
	f.Must(c.Login(annAddress, annPassword).Wait())
	return c
}

// oddMessages are real and broken ones: those that the parser of messages is tested with, and some that are made here.
func oddMessages(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob(root + "internal/rfc/message/testdata/*.eml")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d messages to try (%v)", len(files), err)
	}
	messages := map[string][]byte{}
	for _, file := range files {
		if messages[filepath.Base(file)], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	var deep strings.Builder
	for i := range 100 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	messages["deep"] = []byte(deep.String() + "\r\nthe bottom\r\n")
	messages["one octet"] = []byte("x")
	messages["only line ends"] = []byte("\r\n\r\n\n\n")
	messages["quotes"] = []byte("From: \"a \\\"b\\\" \\\\\" <\"x y\"@z>\r\nSubject: \"{3}\\\r\n folded\r\n\r\n)")
	return messages
}

// Whatever a message is like, it comes back octet for octet, and its structures can be read.
func TestForeignClientReadsOddMessages(t *testing.T) {
	t.Parallel()
	f := serve(t)
	for _, rev2 := range []bool{false, true} {
		c := f.foreign(nil)
		if rev2 {
			_, err := c.Enable(imap.CapIMAP4rev2).Wait()
			f.Must(err)
		}
		_, err := c.Select("INBOX", nil).Wait()
		f.Must(err)
		for name, content := range oddMessages(t) {
			t.Run(fmt.Sprintf("%s rev2=%v", name, rev2), func(t *testing.T) { roundTrip(t, c, content) })
		}
	}
}

func roundTrip(t *testing.T, c *imapclient.Client, content []byte) {
	put := c.Append("INBOX", int64(len(content)), nil)
	if _, err := put.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := put.Close(); err != nil {
		t.Fatal(err)
	}
	at, err := put.Wait()
	if err != nil {
		t.Fatal(err)
	}
	whole, head := &imap.FetchItemBodySection{Peek: true}, &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierHeader}
	text := &imap.FetchItemBodySection{Peek: true, Specifier: imap.PartSpecifierText}
	got, err := c.Fetch(imap.UIDSetNum(at.UID), &imap.FetchOptions{UID: true, Envelope: true, RFC822Size: true,
		BodyStructure: &imap.FetchItemBodyStructure{Extended: true}, BodySection: []*imap.FetchItemBodySection{whole, head, text}}).Collect()
	if err != nil || len(got) != 1 {
		t.Fatalf("%d messages: %v", len(got), err)
	}
	m := got[0]
	if m.RFC822Size != int64(len(content)) || !bytes.Equal(m.FindBodySection(whole), content) {
		t.Errorf("size %d, want %d; content %.100q", m.RFC822Size, len(content), m.FindBodySection(whole))
	}
	if joined := slices.Concat(m.FindBodySection(head), m.FindBodySection(text)); !bytes.Equal(joined, content) {
		t.Errorf("header and text are not the whole")
	}
	if m.Envelope == nil || m.BodyStructure == nil {
		t.Fatal("no envelope or no structure")
	}
	m.BodyStructure.Walk(func(path []int, part imap.BodyStructure) bool {
		one, leaf := part.(*imap.BodyStructureSinglePart)
		if !leaf {
			return true
		}
		item := &imap.FetchItemBodySection{Peek: true, Part: path}
		got, err := c.Fetch(imap.UIDSetNum(at.UID), &imap.FetchOptions{UID: true, BodySection: []*imap.FetchItemBodySection{item}}).Collect()
		if err != nil || len(got) != 1 || len(got[0].FindBodySection(item)) != int(one.Size) {
			t.Errorf("part %v: %d octets, its structure says %d (%v)", path, len(got[0].FindBodySection(item)), one.Size, err)
		}
		return true
	})
}

// A session as a mail program has it: list, append, search, copy, move, store, expunge, and IDLE beside it.
func TestForeignClientSession(t *testing.T) {
	t.Parallel()
	f := serve(t)
	exists, expunged := make(chan uint32, 10), make(chan uint32, 10)
	watching := f.foreign(&imapclient.Options{UnilateralDataHandler: &imapclient.UnilateralDataHandler{
		Expunge: func(n uint32) { expunged <- n },
		Mailbox: func(d *imapclient.UnilateralDataMailbox) {
			if d.NumMessages != nil {
				exists <- *d.NumMessages
			}
		},
	}})
	_, err := watching.Select("INBOX", &imap.SelectOptions{CondStore: true}).Wait()
	f.Must(err)
	idle, err := watching.Idle()
	f.Must(err)

	c := f.foreign(nil)
	f.Must(c.Create("Work/Größe", nil).Wait())
	list, err := c.List("", "*", &imap.ListOptions{ReturnChildren: true, ReturnStatus: &imap.StatusOptions{NumMessages: true, UIDNext: true}}).Collect()
	f.Must(err)
	var names []string
	for _, l := range list {
		names = append(names, l.Mailbox)
		if l.Status == nil || l.Status.NumMessages == nil || *l.Status.NumMessages != 0 {
			t.Errorf("%s: status %+v", l.Mailbox, l.Status)
		}
	}
	if got := strings.Join(names, " "); got != "INBOX Drafts Sent Trash Work Work/Größe" {
		t.Errorf("mailboxes: %s", got)
	}
	selected, err := c.Select("INBOX", nil).Wait()
	f.Must(err)
	if selected.NumMessages != 0 || selected.UIDNext != 1 || selected.UIDValidity == 0 {
		t.Errorf("selected %+v", selected)
	}
	when := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600))
	for i := range 3 {
		content := sample(i + 1)
		put := c.Append("INBOX", int64(len(content)), &imap.AppendOptions{Flags: []imap.Flag{imap.FlagSeen, "$Forwarded"}, Time: when})
		put.Write([]byte(content))
		f.Must(put.Close())
		data, err := put.Wait()
		f.Must(err)
		if data.UID != imap.UID(i+1) {
			t.Errorf("appended under %d", data.UID)
		}
		if n := <-exists; n != uint32(i+1) {
			t.Errorf("EXISTS %d in IDLE", n)
		}
	}
	got, err := c.Fetch(imap.SeqSetNum(2), &imap.FetchOptions{Flags: true, InternalDate: true, Envelope: true}).Collect()
	f.Must(err)
	if m := got[0]; !m.InternalDate.Equal(when) || !slices.Contains(m.Flags, "$Forwarded") || m.Envelope.Subject != "message 2" || m.Envelope.From[0].Addr() != "foobar@example.net" {
		t.Errorf("fetched %+v, %+v", m, m.Envelope)
	}
	found, err := c.UIDSearch(&imap.SearchCriteria{Text: []string{"text of message 3"}, NotFlag: []imap.Flag{imap.FlagDeleted}}, &imap.SearchOptions{ReturnAll: true, ReturnCount: true}).Wait()
	f.Must(err)
	if found.Count != 1 || found.AllUIDs()[0] != 3 {
		t.Errorf("found %+v", found)
	}
	copied, err := c.Copy(imap.UIDSetNum(1, 2), "Work/Größe").Wait()
	f.Must(err)
	if len(copied.DestUIDs) == 0 {
		t.Errorf("copied %+v", copied)
	}
	moved, err := c.Move(imap.SeqSetNum(1), "Trash").Wait()
	f.Must(err)
	if moved.SourceUIDs.String() != "1" {
		t.Errorf("moved %+v", moved)
	}
	if n := <-expunged; n != 1 {
		t.Errorf("EXPUNGE %d in IDLE", n)
	}
	f.Must(c.Store(imap.SeqSetNum(2), &imap.StoreFlags{Op: imap.StoreFlagsAdd, Flags: []imap.Flag{imap.FlagDeleted}, Silent: true}, nil).Close())
	f.Must(c.UIDExpunge(imap.UIDSetNum(3)).Close())
	if n := <-expunged; n != 2 {
		t.Errorf("EXPUNGE %d in IDLE", n)
	}
	f.Must(idle.Close())
	f.Must(idle.Wait())
	f.Must(c.Logout().Wait())
}
