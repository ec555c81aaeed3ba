package load

import (
	"context"
	"errors"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/smtp"
	"github.com/mailmesh/mailmesh/jmap"
	"github.com/mailmesh/mailmesh/test/cluster/history"
)

// testRun is a run without clients.
func testRun(t *testing.T) *Run {
	t.Helper()
	r := newRun(t.Context(), Targets{}, Plan{Connect: time.Second}.filled())
	t.Cleanup(r.end)
	return r
}

// A client that has lost its connection tries one address after the other, with pauses that grow to a bound, and knows how long it
// was without a connection and without an answer.
func TestConnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := testRun(t)
		c := r.newClient("smtp", 0, 0, []string{"a", "b", "c"})
		c.at = 0
		var tried []string
		var last time.Duration
		var longest time.Duration
		open := func(after time.Duration) func(context.Context, string) error {
			begin := r.recorder.Now()
			return func(ctx context.Context, address string) error {
				now := r.recorder.Now()
				longest = max(longest, now-last)
				tried, last = append(tried, address), now
				if now-begin < after {
					if address == "b" { // it takes the connection and says nothing
						<-ctx.Done()
						return ctx.Err()
					}
					return errors.New("refused")
				}
				return nil
			}
		}
		if err := c.connect(t.Context(), open(0)); err != nil || c.stats.Reconnect != 0 || c.stats.Connections != 1 {
			t.Fatalf("%v, %+v", err, c.stats)
		}
		c.acknowledged()
		time.Sleep(time.Second)
		c.leave()
		tried, last, longest = nil, r.recorder.Now(), 0
		if err := c.connect(t.Context(), open(10*time.Second)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(tried[:4], []string{"b", "c", "a", "b"}) {
			t.Errorf("tried %v", tried)
		}
		if longest > time.Second+2*backoffMost {
			t.Errorf("%v between two attempts", longest)
		}
		if got := c.stats.Reconnect; got < 10*time.Second || got > 12*time.Second {
			t.Errorf("reconnected after %v, want about 10 s", got)
		}
		c.acknowledged()
		if got := c.stats.Pause; got < 11*time.Second || got > 13*time.Second {
			t.Errorf("a pause of %v, want about 11 s", got)
		}
		r.end()
		c.leave()
		if err := c.connect(r.ctx, open(time.Hour)); err == nil {
			t.Error("it goes on though the load has ended")
		}
	})
}

func TestOutcomesOfMail(t *testing.T) {
	const sent, unsent = true, false
	for name, c := range map[string]struct {
		dot     bool
		reply   smtp.Reply
		want    string // "" for no operation
		repeats bool
	}{
		"accepted":                      {sent, smtp.Reply{Code: 250, Stage: smtp.AtEnd}, "acknowledged", false},
		"refused at RCPT":               {unsent, smtp.Reply{Code: 550, Stage: smtp.AtRcpt, Text: "no"}, "refused", false},
		"refused at the end":            {sent, smtp.Reply{Code: 554, Stage: smtp.AtEnd, Text: "no"}, "refused", false},
		"deferred at RCPT":              {sent, smtp.Reply{Code: 452, Stage: smtp.AtRcpt, Text: "later"}, "", true},
		"deferred at MAIL":              {unsent, smtp.Reply{Code: 421, Stage: smtp.AtMail, Text: "later"}, "", true},
		"deferred at the end":           {sent, smtp.Reply{Code: 451, Stage: smtp.AtEnd, Text: "later"}, "deferred", true},
		"lost before the content's end": {unsent, smtp.Reply{}, "", true},
		"lost after it":                 {sent, smtp.Reply{}, "unknown", true},
	} {
		t.Run(name, func(t *testing.T) {
			r := testRun(t)
			s := &sender{client: r.newClient("smtp", 0, 0, []string{"a"})}
			o := &smtp.Outcome{}
			if c.dot {
				o.Dot = time.Now()
			}
			k := history.Key{Account: "ann@example.org", Message: "m"}
			s.took(k, recipient{"team@example.org", k.Account, history.Deliver}, o, c.reply, 0)
			got := ""
			if list := r.Record().Messages[k]; len(list) == 1 {
				got = list[0].Outcome.String()
			}
			if got != c.want || (len(s.again) == 1) != c.repeats {
				t.Errorf("%q, want %q; to be tried again: %v", got, c.want, s.again)
			}
		})
	}
}

func TestOutcomesOfIMAP(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		want  history.Outcome
		stays bool
	}{
		"refused":          {&imap.StatusError{Status: "NO", Text: "[CANNOT] no"}, history.Refused, true},
		"not understood":   {&imap.StatusError{Status: "BAD", Text: "what?"}, history.Refused, true},
		"for the moment":   {&imap.StatusError{Status: "NO", Text: "[UNAVAILABLE] later"}, history.Deferred, false},
		"a fault":          {&imap.StatusError{Status: "NO", Text: "[SERVERBUG] sorry"}, history.Deferred, false},
		"said goodbye":     {&imap.StatusError{Status: "BYE", Text: "[UNAVAILABLE] later"}, history.Unknown, false},
		"lost":             {errors.New("unexpected EOF"), history.Unknown, false},
		"something absurd": {&imap.ProtocolError{Problem: "not an answer"}, history.Unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := testRun(t)
			r.targets.IMAP = []string{quiet(t)}
			c2 := r.imapClient("imap", 0, 0, Account{})
			nc, err := imap.Dial(t.Context(), r.targets.IMAP[0], imap.Options{Options: dial.Options{Timeout: time.Minute}})
			if err != nil {
				t.Fatal(err)
			}
			c2.conn = nc
			if got := c2.failed("STORE", c.err); got != c.want || (c2.conn != nil) != c.stays {
				t.Errorf("%v, want %v; the connection stays: %v", got, c.want, c2.conn != nil)
			}
			if len(r.Record().Reasons) != 1 {
				t.Error("the reason is not counted")
			}
		})
	}
}

// quiet is an IMAP server that greets, and knows one command.
func quiet(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc.Write([]byte("* OK hello\r\nm1 OK done\r\n"))
		}
	}()
	return l.Addr().String()
}

func TestOutcomesOfJMAP(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		want  history.Outcome
		stays bool
	}{
		"an object is refused":   {&jmap.SetError{Type: "tooLarge"}, history.Refused, true},
		"a method is refused":    {&jmap.MethodError{Type: "invalidArguments"}, history.Refused, true},
		"a method for now":       {&jmap.MethodError{Type: "serverUnavailable"}, history.Deferred, true},
		"a method fails":         {&jmap.MethodError{Type: "serverFail"}, history.Deferred, true},
		"a request is refused":   {&jmap.RequestError{Status: 400}, history.Refused, true},
		"a request for now":      {&jmap.RequestError{Status: 503}, history.Deferred, false},
		"a request too many":     {&jmap.RequestError{Status: 429}, history.Deferred, false},
		"the connection is lost": {errors.New("EOF"), history.Unknown, false},
		"patience is":            {context.DeadlineExceeded, history.Unknown, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := testRun(t)
			r.targets.JMAP = []string{"a"}
			client := r.jmapClient("jmap", 0, 0, Account{})
			client.session, client.via = &jmap.Client{}, newRoute("a")
			if got := client.failed("setting", c.err); got != c.want || (client.session != nil) != c.stays {
				t.Errorf("%v, want %v; the session stays: %v", got, c.want, client.session != nil)
			}
		})
	}
}

// responses makes of lines what a client of IMAP is handed.
func response(number uint32, kind, rest string) imap.Response {
	return imap.Response{HasNum: number > 0, Num: number, Kind: []byte(kind), Rest: []byte(rest)}
}

func TestIdlerFollows(t *testing.T) {
	r := testRun(t)
	r.targets.IMAP = []string{"a"}
	c := &idler{imapClient: r.imapClient("idle", 0, 0, Account{Address: "ann@example.org"})}
	for _, resp := range []imap.Response{
		response(1, "FETCH", `(UID 3 FLAGS ())`), response(2, "FETCH", `(UID 5 FLAGS (\Seen))`), response(3, "FETCH", `(UID 9 FLAGS (\Recent))`),
		response(2, "FETCH", `(FLAGS (\Flagged $forwarded other))`),
		response(1, "EXPUNGE", ""),
		response(9, "EXPUNGE", ""), // there is none
		response(2, "FETCH", `(BODY[HEADER.FIELDS (MESSAGE-ID)] "" UID 9)`),
		response(3, "FETCH", `(FLAGS (\Seen))`), // one that will be read first
	} {
		if err := c.apply(resp); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.list) != 2 || c.list[0].uid != 5 || c.list[0].flags != history.Flagged|history.Forwarded || c.list[1].uid != 9 || c.list[1].flags != 0 {
		t.Errorf("%+v", c.list)
	}
}

func TestResyncerFollows(t *testing.T) {
	r := testRun(t)
	r.targets.IMAP = []string{"a"}
	c := &resyncer{imapClient: r.imapClient("qresync", 0, 0, Account{}), messages: map[uint32]history.Flags{1: 0, 2: 0, 3: 0, 4: 0, 5: 0}}
	for _, resp := range []imap.Response{
		response(0, "VANISHED", "(EARLIER) 7:5,1"), response(2, "FETCH", `(UID 3 FLAGS (\Answered) MODSEQ (12))`),
		response(3, "FETCH", `(UID 8 FLAGS () MODSEQ (13))`), response(0, "VANISHED", "4"),
	} {
		if err := c.apply(resp); err != nil {
			t.Fatal(err)
		}
	}
	if len(c.messages) != 3 || c.messages[3] != history.Answered || c.last != 8 {
		t.Errorf("%v, up to %d", c.messages, c.last)
	}
	if err := c.vanished("1:x"); err == nil {
		t.Error("a set that is none is taken")
	}
}

func TestStateNumber(t *testing.T) {
	for state, want := range map[string]uint64{"2-17": 17, "1-0": 0} {
		if n, ok := stateNumber(state); !ok || n != want {
			t.Errorf("%s: %d, %v", state, n, ok)
		}
	}
	for _, state := range []string{"", "17", "a-b", "x"} {
		if n, ok := stateNumber(state); ok {
			t.Errorf("%q: %d", state, n)
		}
	}
}

func TestEmail(t *testing.T) {
	boxes := map[history.Place]jmap.ID{history.Inbox: "i", history.Archive: "a", history.Copies: "c"}
	got := email(jmap.Email{MessageID: []string{"x@mailload.example"}, MailboxIDs: map[jmap.ID]bool{"i": true, "c": true, "other": true},
		Keywords: map[string]bool{"$seen": true, "$Forwarded": true, "other": true}, Size: 9, ThreadID: "t"}, boxes)
	want := history.Email{Token: "x@mailload.example", In: history.In(history.Inbox, history.Copies), Others: 1, Flags: history.Seen | history.Forwarded, Size: 9, Thread: "t"}
	if got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if got := email(jmap.Email{MessageID: []string{"x@example.org"}}, boxes); got.Token != "" {
		t.Errorf("%q is none of a load", got.Token)
	}
}

// Reasons are told apart by what they say, not by the numbers in them.
func TestReasons(t *testing.T) {
	r := testRun(t)
	for _, port := range []string{"40123", "51234"} {
		r.reason("smtp-0.1", "sending", errors.New("dial tcp 127.0.0.1:"+port+": refused"))
	}
	r.reason("imap-2.0", "STORE", errors.New("EOF"))
	reasons := r.Record().Reasons
	if len(reasons) != 2 || reasons["smtp: sending: dial tcp 127.0.0.1:#: refused"] != 2 {
		t.Errorf("%v", reasons)
	}
}

func TestALoadNeedsAccounts(t *testing.T) {
	if _, err := Start(t.Context(), Targets{SMTP: []string{"a"}}, Mixed()); err == nil || !strings.Contains(err.Error(), "accounts") {
		t.Error(err)
	}
}
