package inbound_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/inbound"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const plain = "Message-ID: <one@client.example>\r\nSubject: hello\r\n\r\nText\r\n"

// trace is what goes above the content of an envelope for several recipients.
func trace(id string) string {
	return "Return-Path: <ann@client.example>\r\n" +
		"Received: from client.example ([192.0.2.1])\r\n\tby mx.example.org with ESMTP id " + id + ";\r\n\tSun, 22 Nov 2026 04:05:06 +0000\r\n"
}

// A message lies in INBOX under its trace fields, byte for byte, whatever the bytes are.
func TestContentIsKept(t *testing.T) {
	large := new(bytes.Buffer)
	for i := range 40_000 {
		fmt.Fprintf(large, "line %d \x00\xff\r\n", i)
	}
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann, bob := r.Account("ann"), r.Account("bob")
		for i, content := range []string{plain, "", "\r\n", "no header", "a: b\r\nbare \n and \r\x00\xe9\r\n", "Subject: large\r\n\r\n" + large.String()} {
			id := fmt.Sprint("id", i)
			r.Send(id, content, "ann", "bob")
			for _, account := range []mail.AccountID{ann, bob} {
				inbox := r.Inbox(account)
				if len(inbox) != i+1 {
					t.Fatalf("%d messages, want %d", len(inbox), i+1)
				}
				last := inbox[i]
				if last.Content != trace(id)+content {
					t.Errorf("kept %.400q", last.Content)
				}
				if last.UID != mail.UID(i+1) || last.Size != int64(len(last.Content)) || last.Flags != 0 {
					t.Errorf("UID %d, %d bytes, flags %v", last.UID, last.Size, last.Flags)
				}
			}
		}
		var summary message.Summary
		r.Must(summary.UnmarshalBinary(r.Inbox(ann)[0].Summary))
		if summary.Envelope.Subject != "hello" || summary.MessageID != "one@client.example" || summary.Received != 1 {
			t.Errorf("the summary is %+v", summary)
		}
	})
}

// One recipient is named in the trace field (RFC 5321 4.4), and a null reverse-path is an empty Return-Path.
func TestTraceOfOne(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		e := r.Envelope("id1", "Ann+x")
		e.ReversePath = mail.Address{}
		_, err := r.Take(e, strings.NewReader(plain))
		r.Must(err)
		if got := r.Inbox(ann)[0].Content; !strings.HasPrefix(got, "Return-Path: <>\r\nReceived: ") || !strings.Contains(got, "\r\n\tfor <Ann+x@example.org>;") {
			t.Errorf("kept %q", got)
		}
	})
}

// Who is named twice, or reached by several addresses, gets one copy; all share the bytes.
func TestOneCopyEach(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann, bob, eve := r.Account("ann"), r.Account("bob"), r.Account("eve")
		r.Alias("team", "ann", "bob")
		r.Send("id1", plain, "ann", "ann+tag", "team", "team")
		if a, b, e := r.Inbox(ann), r.Inbox(bob), r.Inbox(eve); len(a) != 1 || len(b) != 1 || len(e) != 0 {
			t.Errorf("ann has %d copies, bob %d, eve %d", len(a), len(b), len(e))
		} else if a[0].Blob == b[0].Blob {
			t.Error("two accounts can compare their mail by the name of its body")
		}
		if n := r.Objects(); n != 1 {
			t.Errorf("%d bodies are stored", n)
		}
		r.Send("id2", plain, "ann") // another transaction is another message
		if n := len(r.Inbox(ann)); n != 2 {
			t.Errorf("ann has %d messages", n)
		}
	})
}

// A Return-Path that the sender wrote goes, and nothing else; from a mail server beside us it stays.
func TestReturnPathIsOurs(t *testing.T) {
	const theirs, other = "Return-Path: <eve@x.example>\r\n", "Return-Path-Like: x\r\n"
	const above, body = "Subject: x\r\n", "\r\n" + theirs
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		for i, lmtp := range []bool{false, true} {
			s := r.Session()
			s.LMTP = lmtp
			e := r.Envelope("id1", "ann")
			content := above + theirs + other + "return-path :\r\n\t<eve@y.example>\r\n" + body
			_, err := r.Receive(t.Context(), s, e, strings.NewReader(content))
			r.Must(err)
			want := above + other + body
			if lmtp {
				want = content
			}
			_, got, _ := strings.Cut(r.Inbox(ann)[i].Content, "+0000\r\n") // the end of Received
			if got != want {
				t.Errorf("LMTP %v: kept %q", lmtp, got)
			}
		}
	})
}

// Loops and oversized headers are refused after the content, and leave nothing.
func TestRefusedContent(t *testing.T) {
	hop := "Received: from a by b; Sun, 22 Nov 2026 04:05:06 +0000\r\n"
	field := "X: " + strings.Repeat("x", 1021) + "\r\n" // 1 KiB and 2 bytes
	header := (inbound.MaxHeader - len(trace("id1"+"\r\n\tfor <ann@example.org>")) - 2) / len(field)
	tests := map[string]struct{ content, reply string }{
		"100 hops":           {strings.Repeat(hop, 100) + "\r\n", ""},
		"101 hops":           {strings.Repeat(hop, 101) + "\r\n", "554 5.4.6"},
		"101 in the body":    {"\r\n" + strings.Repeat(hop, 101), ""},
		"large header":       {strings.Repeat(field, header) + "\r\nbody", ""},
		"2000 fields":        {strings.Repeat("X: y\r\n", inbound.MaxFields) + "\r\nX: y\r\n", ""},
		"2001 fields":        {strings.Repeat("X: y\r\n", inbound.MaxFields+1) + "\r\nbody", "552 5.6.0"},
		"endless fields":     {strings.Repeat("X:\r\n", 1<<20), "552 5.6.0"},
		"fields of parts":    {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + strings.Repeat("X: y\r\n", inbound.MaxFields+1), ""},
		"header too large":   {strings.Repeat(field, header+1) + "\r\nbody", "552 5.3.4"},
		"header without end": {strings.Repeat("x", 3<<20), "552 5.3.4"},
		"large body":         {"\r\n" + strings.Repeat(field, header+1), ""},
	}
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann, kept := r.Account("ann"), 0
		for name, tt := range tests {
			content := strings.NewReader(tt.content)
			_, err := r.Take(r.Envelope("id1", "ann"), content)
			var reply mail.Reply
			if tt.reply == "" {
				r.Must(err)
				kept++
			} else if !errors.As(err, &reply) || fmt.Sprint(reply.Code, " ", reply.Enhanced) != tt.reply {
				t.Errorf("%s: %v, want %q", name, err, tt.reply)
			}
			if n, objects := len(r.Inbox(ann)), r.Objects(); n != kept || objects != kept {
				t.Errorf("%s: %d messages and %d bodies, want %d", name, n, objects, kept)
			}
			if read := len(tt.content) - content.Len(); strings.HasPrefix(tt.reply, "552") && read > inbound.MaxHeader+128<<10 {
				t.Errorf("%s: %d bytes of a header that is refused were read", name, read)
			}
		}
	})
}

// The content breaks off: the error is the reader's, and nothing is left.
func TestContentBreaksOff(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		lost := mail.E("door", mail.TooLarge, errors.New("on purpose"))
		_, err := r.Take(r.Envelope("id1", "ann"), io.MultiReader(strings.NewReader(plain), errorReader{lost}))
		if !errors.Is(err, lost) || !mail.Is(err, mail.TooLarge) || len(r.Inbox(ann)) != 0 || r.Objects() != 0 {
			t.Errorf("%v; %d messages, %d bodies", err, len(r.Inbox(ann)), r.Objects())
		}
	})
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }

// Whatever fails in the store after DATA, the client is told to come again, and then gets its message in once.
func TestTheStoreFails(t *testing.T) {
	fault := mail.E("elsewhere", mail.NotFound, errors.New("on purpose")) // a kind that a door would answer for good
	for name, breaks := range map[string]func(r *mailflowtest.Rooms, failing *failingDelivery) (repair func()){
		"bodies": func(r *mailflowtest.Rooms, _ *failingDelivery) func() {
			r.Blobs.Fail = func(string) error { return fault }
			return func() { r.Blobs.Fail = nil }
		},
		"a room before it writes": func(_ *mailflowtest.Rooms, d *failingDelivery) func() {
			d.before = fault
			return func() { d.before = nil }
		},
		"a room after it wrote": func(_ *mailflowtest.Rooms, d *failingDelivery) func() {
			d.after = fault
			return func() { d.after = nil }
		},
		"a room by panic": func(_ *mailflowtest.Rooms, d *failingDelivery) func() {
			d.panics = true
			return func() { d.panics = false }
		},
	} {
		t.Run(name, func(t *testing.T) {
			failing := new(failingDelivery)
			o := mailflowtest.Options{Delivery: func(d inbound.Delivery) inbound.Delivery { failing.Delivery = d; return failing }}
			eachWith(t, o, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
				ann := r.Account("ann")
				e := r.Envelope("id1", "ann")
				repair := breaks(r, failing)
				outcomes, err := r.Take(e, strings.NewReader(plain))
				if !mail.Is(err, mail.Unavailable) || outcomes != nil {
					t.Errorf("%v, %v", outcomes, err)
				}
				repair()
				if n := len(r.Inbox(ann)); n != 0 {
					t.Errorf("%d messages", n)
				}
				r.Send("id2", plain, "ann")
				if n := len(r.Inbox(ann)); n != 1 {
					t.Errorf("%d messages", n)
				}
			})
		})
	}
}

// failingDelivery fails on demand.
type failingDelivery struct {
	inbound.Delivery
	before, after error
	panics        bool
}

func (f *failingDelivery) Deliver(t *tx.Tx, m mailflow.Accepted, to []mailflow.Local) ([]mailflow.Delivered, error) {
	if f.before != nil {
		return nil, f.before
	}
	out, err := f.Delivery.Deliver(t, m, to)
	if f.panics {
		panic("on purpose")
	}
	return out, errors.Join(err, f.after)
}

func TestWithoutDatabase(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, d *db.DB) {
		r.Account("ann")
		e := r.Envelope("id1", "ann")
		r.Must(d.Close())
		if _, err := r.Take(e, strings.NewReader(plain)); !mail.Is(err, mail.Unavailable) {
			t.Errorf("got %v", err)
		}
		if n := r.Objects(); n != 0 {
			t.Errorf("%d bodies are left", n)
		}
	})
}

// A client that is gone before the commit began gets nothing in, and the error says so.
func TestCancelled(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		ann := r.Account("ann")
		ctx, cancel := context.WithCancel(t.Context())
		e := r.Envelope("id1", "ann")
		_, err := r.Receive(ctx, r.Session(), e, io.MultiReader(strings.NewReader(plain), readerFunc(func() { cancel() })))
		if !mail.Is(err, mail.Unavailable) || len(r.Inbox(ann)) != 0 || r.Objects() != 0 {
			t.Errorf("%v; %d messages, %d bodies", err, len(r.Inbox(ann)), r.Objects())
		}
	})
}

// readerFunc is empty content that does something.
type readerFunc func()

func (f readerFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }

// An account that goes between RCPT and the commit defers the message for all, so that none is told too much. When
// the client comes again it hears at RCPT which one it was.
func TestAccountGoesMeanwhile(t *testing.T) {
	for name, others := range map[string][]string{"alone": nil, "among others": {"ann"}, "in an alias": {"team"}} {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
				ann := r.Account("ann")
				r.Account("bob")
				r.Alias("team", "ann", "bob")
				to := append([]string{"bob"}, others...)
				e := r.Envelope("id1", to...)
				r.Must(r.Provision.RemoveAccount(t.Context(), mailflowtest.Address("bob")))
				_, err := r.Take(e, strings.NewReader(plain))
				var reply mail.Reply
				if !errors.As(err, &reply) || reply.Code != 451 || len(r.Inbox(ann)) != 0 || r.Objects() != 0 {
					t.Errorf("%v; %d messages, %d bodies", err, len(r.Inbox(ann)), r.Objects())
				}
				if len(others) > 0 {
					r.Send("id2", plain, others...)
					if n := len(r.Inbox(ann)); n != 1 {
						t.Errorf("%d messages", n)
					}
				}
			})
		})
	}
}

// A delivery that passes an account over is never taken for one that reached it.
func TestPassedOver(t *testing.T) {
	o := mailflowtest.Options{Delivery: func(d inbound.Delivery) inbound.Delivery { return onlyFirst{d} }}
	eachWith(t, o, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		r.Account("ann")
		r.Account("bob")
		r.Alias("team", "ann", "bob")
		outcomes, err := r.Take(r.Envelope("id1", "ann", "bob", "team"), strings.NewReader(plain))
		r.Must(err)
		got := fmt.Sprint(outcomes[0].Status, outcomes[1].Status, outcomes[2].Status)
		if want := fmt.Sprint(mail.Delivered, mail.Deferred, mail.Deferred); got != want {
			t.Errorf("outcomes %v, want %v", got, want)
		}
	})
}

type onlyFirst struct{ inbound.Delivery }

func (o onlyFirst) Deliver(t *tx.Tx, m mailflow.Accepted, to []mailflow.Local) ([]mailflow.Delivered, error) {
	return o.Delivery.Deliver(t, m, to[:1])
}

// Every line about a message bears its id, each step is there, and no line is about the content.
func TestLog(t *testing.T) {
	each(t, func(t *testing.T, r *mailflowtest.Rooms, _ *db.DB) {
		r.Account("ann")
		r.Account("bob")
		r.Send("the-id", plain, "ann", "bob")
		lines := r.Log.Lines()
		wants := [][]string{
			{`"inbound: stored"`, "message-id=one@client.example", "stored-size="},
			{`"inbound: delivered"`, "account=", "mailbox=", "uid=1"},
			{`"inbound: delivered"`, "account=", "mailbox=", "uid=1"},
		}
		if len(lines) != len(wants) {
			t.Fatalf("%d lines: %q", len(lines), lines)
		}
		for i, want := range wants {
			for _, part := range append(want, "id=the-id", "session=session1", "level=INFO") {
				if !strings.Contains(lines[i], part) {
					t.Errorf("%q is not in %q", part, lines[i])
				}
			}
		}
	})
}
