package submission_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/store/dkimkeys"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// world is a server with the accounts ann and bob, and addresses that lead in odd ways.
type world struct {
	*mailflowtest.Rooms
	ann, bob mail.AccountID
	n        int
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		w := &world{Rooms: mailflowtest.New(t, open(), mailflowtest.Options{})}
		w.ann, w.bob = w.Account("ann"), w.Account("bob")
		w.Alias("a", "ann")
		w.Alias("team", "ann", "bob")
		w.Alias("away", "x@elsewhere.example")
		w.Alias("both", "bob", "y@elsewhere.example")
		test(t, w)
	})
}

func (w *world) envelope(from string) *mail.Envelope {
	w.n++
	return &mail.Envelope{ID: fmt.Sprint("t", w.n), ReversePath: mailflowtest.Address(from)}
}

// submit has ann submit a message from her address.
func (w *world) submit(content string, to ...string) error {
	w.T.Helper()
	return w.Submit(w.ann, w.envelope("ann"), strings.NewReader(content), to...)
}

func (w *world) write(fn func(*tx.Tx) error) {
	w.T.Helper()
	w.Must(w.Tx.Write(w.T.Context(), []mail.AccountID{w.ann}, fn))
}

func (w *world) like(s submissions.Sending) {
	w.T.Helper()
	w.write(func(t *tx.Tx) error { return w.Submissions.SetSending(t, w.ann, s) })
}

// wantReply wants a refusal that begins so; "" wants none.
func (w *world) wantReply(what string, err error, want string) {
	w.T.Helper()
	if want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
		w.T.Errorf("%s: %v, want %q", what, err, want)
	}
}

const plain = "From: Ann <ann@example.org>\r\nTo: bob@example.org\r\nSubject: hello\r\nDate: Sun, 22 Nov 2026 04:00:00 +0000\r\n" +
	"Message-ID: <1@example.org>\r\n\r\nText.\r\n"

func TestWhoMaySendAsWhom(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const notYours = "550 5.7.1 "
		for _, c := range []struct{ from, header, want string }{
			{"ann", "From: ann@example.org", ""},
			{"ann", "From: \"Ann, the first\" <ANN@Example.ORG>", ""},
			{"a", "From: a+shop@example.org", ""},
			{"", "From: ann@example.org", ""}, // a read receipt
			{"ann", "From: ann@example.org, a@example.org", ""},
			{"ann", "From: a@example.org\r\nSender: ann@example.org", ""},
			{"ann", "From: ann@example.org\r\nReply-To: anybody@elsewhere.example", ""},
			{"ann", "To: bob@example.org", ""}, // From is added
			{"bob", "From: ann@example.org", notYours + "MAIL FROM <bob@example.org>"},
			{"ann@elsewhere.example", "From: ann@example.org", notYours},
			{"ann@sub.example.org", "From: ann@example.org", notYours},
			{"team", "From: ann@example.org", notYours},
			{"ann", "From: bob@example.org", notYours + "From <bob@example.org>"},
			{"ann", "From: team@example.org", notYours},
			{"ann", "From: ann@example.org <ceo@bank.example>", notYours},
			{"ann", "From: ceo@bank.example, ann@example.org", notYours},
			{"ann", "From: =?utf-8?q?ann=40example.org?= <bob@example.org>", notYours},
			{"ann", "From: ann@example.org\r\nSender: bob@example.org", notYours + "Sender"},
			{"ann", "From: ann@example.org\r\nResent-From: bob@example.org", notYours + "Resent-From"},
			{"", "From: bob@example.org", notYours},
			{"ann", "From: ann@example.org\r\nFrom: ann@example.org", "550 5.6.0 the field From is there twice"},
			{"ann", "From: ann@example.org\r\nfrom : bob@example.org", "550 5.6.0 "},
			{"ann", "From: nobody:;", "550 5.6.0 the field From names nobody"},
			{"ann", "From: ann", "550 5.6.0 the field From holds"},
			{"ann", "From:", "550 5.6.0 "},
		} {
			err := w.Submit(w.ann, w.envelope(c.from), strings.NewReader(c.header+"\r\n\r\nText.\r\n"), "bob")
			w.wantReply(c.from+", "+c.header, err, c.want)
		}
	})
}

func TestHeaderIsChecked(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for name, c := range map[string]struct{ header, want string }{
			"empty":            {"", ""},
			"many":             {strings.Repeat("X: y\r\n", submission.MaxFields), ""},
			"too many":         {strings.Repeat("X: y\r\n", submission.MaxFields+1), "552 5.6.0"},
			"large":            {"X: " + strings.Repeat("y", submission.MaxHeader-7), ""},
			"too large":        {"X: " + strings.Repeat("y", submission.MaxHeader-6), "552 5.3.4"},
			"hops":             {strings.Repeat("Received: x\r\n", submission.MaxReceived), ""},
			"too many hops":    {strings.Repeat("Received: x\r\n", submission.MaxReceived+1), "554 5.4.6"},
			"no field":         {"X: y\r\nno field\r\nZ: y\r\n", "550 5.6.0 the header holds a line that is no field: \"no field\""},
			"no field first":   {"From ann Sun Nov 22\r\nX: y\r\n", "550 5.6.0"},
			"no field last":    {"X: y\r\nno field", "550 5.6.0"},
			"a fold first":     {" X: y\r\nZ: y\r\n", "550 5.6.0"},
			"no end":           {"X: y", ""},
			"a bare LF":        {"Subject: a\nFrom: bob@example.org\r\n", "550 5.6.0 the header holds a NUL, or a CR or LF that stands alone"},
			"a bare CR":        {"Subject: a\rFrom: bob@example.org\r\n", "550 5.6.0"},
			"a NUL":            {"Subject: a\x00\r\n", "550 5.6.0"},
			"many senders":     {"From: a@example.org" + strings.Repeat(", ann@example.org", 49), ""},
			"hidden sender":    {"From: ann@example.org, " + strings.Repeat("x:;", 30) + "bob@example.org", "550 5.6.0 the message names more than 50 senders"},
			"too many senders": {"From: a@example.org" + strings.Repeat(", ann@example.org", 49) + "\r\nSender: ann@example.org", "550 5.6.0 the message names more than 50 senders"},
			"two subjects":     {"Subject: a\r\nSubject: b\r\n", "550 5.6.0 the field Subject is there twice"},
		} {
			content := c.header
			if name != "no end" && name != "empty" {
				content = strings.TrimSuffix(content, "\r\n") + "\r\n\r\nText.\r\n"
			}
			w.wantReply(name, w.submit(content, "bob"), c.want)
		}
		if n := w.Objects(); n != 6 {
			t.Errorf("%d objects are stored for 6 messages", n)
		}
	})
}

// Everything a message needs is added, what nobody but the sender may see goes, and the rest is not touched.
func TestCompletion(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		name := "Ann Ü, 1st"
		_, err := w.Provision.ChangeAccount(t.Context(), mailflowtest.Address("ann"), provision.AccountChange{Name: &name})
		w.Must(err)
		for header, want := range map[string][]string{
			"Subject: x\r\nbcc: eve@example.net,\r\n dan@example.net\r\nReturn-Path: <eve@example.net>\r\nX-Odd :  kept \t\r\n  as it is\r\nRESENT-BCC: dan@example.net": {
				"\nSubject: x\r\nX-Odd :  kept \t\r\n  as it is\r\n", "\nFrom: =?utf-8?b?QW5uIMOcLCAxc3Q=?= <ann@example.org>\r\n",
				"\nDate: Sun, 22 Nov 2026 04:05:06 +0000\r\n", "\nMessage-ID: <", "@example.org>\r\n\r\nText.\r\n"},
			"From: ann@example.org, a@example.org":         {"\r\nSender: =?utf-8?b?QW5uIMOcLCAxc3Q=?= <ann@example.org>\r\n"},
			strings.TrimSuffix(plain, "\r\n\r\nText.\r\n"): {"\r\n" + plain},
		} {
			w.Must(w.submit(header+"\r\n\r\nText.\r\n", "dan@elsewhere.example"))
			owed := w.Owing()
			got := owed[len(owed)-1].Content
			for _, text := range want {
				if !strings.Contains(got, text) {
					t.Errorf("it is sent without %q:\n%s", text, got)
				}
			}
			for _, text := range []string{"cc:", "Return-Path", "192.0.2.1", "client.example"} {
				if strings.Contains(got, text) {
					t.Errorf("it is sent with %q:\n%s", text, got)
				}
			}
			const received = "Received: from mx.example.org\r\n\tby mx.example.org with ESMTPA id t"
			if !strings.HasPrefix(got, received) || strings.Count(got, "\r\nDate: ") != 1 || strings.Count(got, "\r\nMessage-ID: ") != 1 || strings.Count(got, "\r\nFrom: ") != 1 {
				t.Errorf("it is sent as\n%s", got)
			}
		}
	})
}

// With keys there is a signature of each algorithm, by the active ones of the domain of From.
func TestSigned(t *testing.T) {
	bccIn := regexp.MustCompile(`(?i)\r\nbcc:|[=:]bcc[:;]`) // as a field, or signed: a signature may have the letters by chance
	each(t, func(t *testing.T, w *world) {
		active, err := w.Keys.Draw("example.org")
		w.Must(err)
		next, err := w.Keys.Draw("example.org")
		w.Must(err)
		w.write(func(t *tx.Tx) error { return w.Keys.Begin(t, "example.org", active, next) })
		w.Must(w.submit(plain, "dan@elsewhere.example", "bob"))
		w.write(func(tr *tx.Tx) error {
			keys, err := w.Keys.Keys(tr, "example.org")
			for _, k := range keys {
				got := strings.Contains(unfolded(w.Owing()[0].Content), "s="+k.Selector+";")
				if got != (k.State == dkimkeys.Active) {
					t.Errorf("the key %s, which is %s, signs: %v", k.Selector, k.State, got)
				}
			}
			return err
		})
		for _, content := range []string{w.Owing()[0].Content, w.Inbox(w.bob)[0].Content} {
			if head := unfolded(content); strings.Count(head, "\r\nDKIM-Signature:") != 2 || strings.Count(head, " d=example.org;") != 2 || bccIn.MatchString(head) {
				t.Errorf("signed is\n%s", content)
			}
		}
	})
}

// What is signed is what is sent: whoever signs it as it arrived, in the same second, comes to the same fields.
func TestSignatureCoversWhatIsSent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		active, err := w.Keys.Draw("example.org")
		w.Must(err)
		var keys []dkim.Key
		w.write(func(t *tx.Tx) error {
			if err := w.Keys.Begin(t, "example.org", active, nil); err != nil {
				return err
			}
			keys, err = w.Keys.Signing(t, "example.org")
			return err
		})
		for _, text := range []string{"Text.\r\n", strings.Repeat("A line.  \r\n", submission.Spill/5)} {
			for attempt := 0; ; attempt++ {
				w.Must(w.submit("Bcc: carl@elsewhere.example\r\nFrom: ann@example.org\r\nSubject: x\r\n y\r\n\r\n"+text, "dan@elsewhere.example"))
				owing := w.Owing()
				content := owing[len(owing)-1].Content
				begin := strings.Index(content, "\r\nFrom: ") + len("\r\n")
				head, body, _ := strings.Cut(content[begin:], "\r\n\r\n")
				want, err := dkim.Sign(keys, []byte(head+"\r\n\r\n"), strings.NewReader(body))
				w.Must(err)
				if strings.HasSuffix(content[:begin], want) {
					break
				}
				if attempt == 5 {
					t.Fatalf("signed is\n%.3000s\nwant\n%s", content, want)
				}
			}
		}
	})
}

func unfolded(content string) string {
	return strings.ReplaceAll(content, "\r\n ", " ")
}

// An account that is switched off, or gone, while it is signed in sends nothing.
func TestSwitchedOffMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		e := w.envelope("ann")
		w.Must(w.Submission.Sender(t.Context(), w.SignedIn(w.ann), e))
		to, err := w.Submission.Recipient(t.Context(), w.SignedIn(w.ann), e, mail.Recipient{Address: mailflowtest.Address("bob")})
		w.Must(err)
		e.Recipients = append(e.Recipients, to)
		off := true
		_, err = w.Provision.ChangeAccount(t.Context(), mailflowtest.Address("ann"), provision.AccountChange{Disabled: &off})
		w.Must(err)
		_, err = w.Submission.Receive(t.Context(), w.SignedIn(w.ann), e, strings.NewReader(plain))
		w.wantReply("after DATA", err, "550 5.7.13")
		w.wantReply("at MAIL", w.submit(plain, "bob"), "550 5.7.13")
		w.Must(w.Provision.RemoveAccount(t.Context(), mailflowtest.Address("ann")))
		w.wantReply("without an account", w.submit(plain, "bob"), "550 5.7.13")
		if len(w.Inbox(w.bob)) > 0 || w.Objects() > 0 {
			t.Error("something was delivered or stored")
		}
	})
}

func TestRecipientRefuses(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for to, want := range map[string]mail.Kind{"nobody": mail.NotFound, "nobody+x": mail.NotFound} {
			if err := w.submit(plain, to); !mail.Is(err, want) {
				t.Errorf("to %s: %v", to, err)
			}
		}
		e := w.envelope("ann")
		e.Recipients = make([]mail.Recipient, submission.MaxTargets)
		_, err := w.Submission.Recipient(t.Context(), w.SignedIn(w.ann), e, mail.Recipient{Address: mailflowtest.Address("bob")})
		w.wantReply("too many", err, "452 4.5.3")
	})
}

func TestBudgets(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.like(submissions.Sending{MaxRecipients: 5, MaxStrangers: 2})
		out := func(n int) string { return fmt.Sprintf("to%d@elsewhere.example", n) }
		for _, c := range []struct {
			to   []string
			want string
		}{
			{[]string{out(1), out(2), out(3)}, "450 4.7.0 the account may write to 2 recipients that it never wrote to before in a day"},
			{[]string{out(1), out(2), "bob"}, ""},
			{[]string{out(3)}, "450 4.7.0"},
			{[]string{out(1), "away"}, ""},
			{[]string{"bob"}, "450 4.7.0 the account may write to 5 recipients in a day; there is room in "},
		} {
			w.wantReply(fmt.Sprint(c.to), w.submit(plain, c.to...), c.want)
		}
		if err := w.Submit(w.bob, w.envelope("bob"), strings.NewReader("Subject: x\r\n\r\n"), out(7), out(8), out(9)); err != nil {
			t.Errorf("another account: %v", err)
		}
	})
}

// Sessions side by side, each of which found room, use no more than the budget together.
func TestBudgetsHoldInTheCommit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.like(submissions.Sending{MaxRecipients: 3})
		s := w.SignedIn(w.ann)
		var open []*mail.Envelope
		for range 2 {
			e := w.envelope("ann")
			for _, to := range []string{"bob", "x@elsewhere.example"} {
				r, err := w.Submission.Recipient(t.Context(), s, e, mail.Recipient{Address: mailflowtest.Address(to)})
				w.Must(err)
				e.Recipients = append(e.Recipients, r)
			}
			open = append(open, e)
		}
		_, err := w.Submission.Receive(t.Context(), s, open[0], strings.NewReader(plain))
		w.wantReply("the first", err, "")
		_, err = w.Submission.Receive(t.Context(), s, open[1], strings.NewReader(plain))
		w.wantReply("the second", err, "450 4.7.0")
		if len(w.Inbox(w.bob)) != 1 || len(w.Owing()) != 1 || w.Objects() != 1 {
			t.Errorf("bob has %d messages, %d are owed, %d objects stored", len(w.Inbox(w.bob)), len(w.Owing()), w.Objects())
		}
	})
}

func TestPriorityIsLowered(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for asked, want := range map[int]int{-9: -9, 0: 0, submission.MaxPriority: submission.MaxPriority, 9: submission.MaxPriority} {
			e := w.envelope("ann")
			e.Priority = asked
			w.Must(w.Submission.Sender(t.Context(), w.SignedIn(w.ann), e))
			if e.Priority != want {
				t.Errorf("%d becomes %d", asked, e.Priority)
			}
		}
	})
}

var soon = time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
