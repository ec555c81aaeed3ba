package measure

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/fakemail"
	"github.com/mailmesh/mailmesh/bench/imap"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func start(t testing.TB, opts fakemail.Options) *fakemail.Server {
	t.Helper()
	s, err := fakemail.Start(opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

var accounts = []Account{{"a@example.org", "pa"}, {"b@example.org", "pb"}, {"c@example.org", "pc"}}

func load(addr string) Load {
	return Load{Addr: addr, Connections: 4, From: "s@example.org", To: Addresses(accounts), Size: 2048}
}

// fateOf gives the n-th mail a fate and keeps the others.
func fateOf(n int, fate fakemail.Fate) fakemail.Faults {
	return fakemail.Faults{Accept: func(i int) fakemail.Fate {
		if i == n {
			return fate
		}
		return fakemail.Keep
	}}
}

// mustFail checks that an error says what is wrong.
func mustFail(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want one with %q", err, want)
	}
}

func TestRate(t *testing.T) {
	for name, opts := range map[string]smtp.Options{"smtp": {}, "lmtp": {LMTP: true}, "bdat": {BDAT: true}} {
		t.Run(name, func(t *testing.T) {
			s := start(t, fakemail.Options{})
			o := RateOptions{Load: load(s.SMTP), Count: 90, PIDs: []int{os.Getpid()}}
			if o.SMTP = opts; opts.LMTP {
				o.Addr = s.LMTP
			}
			o.PerConnection = 7
			r, err := Rate(context.Background(), o)
			if err != nil {
				t.Fatal(err)
			}
			if r.Accepted != 90 || r.Recipients != 90 || r.Bytes != 90*2048 || r.PerSecond <= 0 || r.DotTo250.Count != 90 || len(r.Errors) != 0 {
				t.Errorf("result %+v", r)
			}
			for _, a := range accounts {
				if n := s.Count(a.Address); n < 25 || n > 35 {
					t.Errorf("%s got %d of 90 messages: they are not spread", a.Address, n)
				}
			}
		})
	}
}

func TestRateCountsRefusalsAndLostConnections(t *testing.T) {
	s := start(t, fakemail.Options{Faults: fakemail.Faults{Accept: func(n int) fakemail.Fate {
		switch n {
		case 3, 4:
			return fakemail.Refuse
		case 9:
			return fakemail.HangUp
		}
		return fakemail.Keep
	}}})
	o := RateOptions{Load: load(s.SMTP), Count: 30}
	o.To, o.PerMail = []string{"a@example.org", "unknown@example.org"}, 2
	r, err := Rate(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 0 || r.Recipients != 27 {
		t.Errorf("accepted %d mails, %d recipients; want 0 and 27", r.Accepted, r.Recipients)
	}
	for kind, want := range map[string]uint64{"RCPT 550": 30, "end of content 451": 2, "connection: closed by the server": 1} {
		if c := r.Errors[kind]; c == nil || c.Count != want || c.Example == "" {
			t.Errorf("%s: %+v, want %d with an example (all: %v)", kind, c, want, r.Errors)
		}
	}
}

func TestRateGivesUp(t *testing.T) {
	s := start(t, fakemail.Options{Faults: fakemail.Faults{Accept: func(int) fakemail.Fate { return fakemail.HangUpAndLose }}})
	o := RateOptions{Load: load(s.SMTP), Duration: time.Hour}
	o.Connections = 1
	_, err := Rate(context.Background(), o)
	mustFail(t, err, "giving up")
}

func TestRateEndsWithContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	s := start(t, fakemail.Options{Faults: fakemail.Faults{Accept: func(n int) fakemail.Fate {
		if n == 20 {
			cancel()
		}
		return fakemail.Keep
	}}})
	if _, err := Rate(ctx, RateOptions{Load: load(s.SMTP), Duration: time.Hour}); err == nil {
		t.Error("a cancelled measurement has a result")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for name, change := range map[string]func(*RateOptions){
		"no limit":       func(o *RateOptions) { o.Count = 0 },
		"no connections": func(o *RateOptions) { o.Connections = 0 },
		"no recipients":  func(o *RateOptions) { o.To = nil },
		"too many":       func(o *RateOptions) { o.PerMail = 9 },
		"tiny messages":  func(o *RateOptions) { o.Size = 10 },
		"no server":      func(o *RateOptions) { o.Addr = "127.0.0.1:1" },
	} {
		o := RateOptions{Load: load("127.0.0.1:1"), Count: 1}
		change(&o)
		if _, err := Rate(context.Background(), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func visible(s *fakemail.Server) VisibleOptions {
	return VisibleOptions{Load: load(s.SMTP), IMAPAddr: s.IMAP, Accounts: accounts, Count: 60, Poll: time.Millisecond}
}

func TestVisible(t *testing.T) {
	s := start(t, fakemail.Options{})
	s.Damage("a@example.org", fakemail.Put([]byte("Subject: was here before\r\n\r\nx\r\n")))
	r, err := Visible(context.Background(), visible(s))
	if err != nil {
		t.Fatal(err)
	}
	if r.Accepted != 60 || r.Visible != 60 || r.After250.Count != 60 || r.VisiblePer <= 0 || r.AfterMail.Min <= 0 {
		t.Errorf("result %+v", r)
	}
}

func TestVisibleFindsFaults(t *testing.T) {
	cases := map[string]struct {
		faults fakemail.Faults
		want   string
	}{
		"lost":       {fateOf(30, fakemail.Lose), "1 of 60 accepted messages never became visible"},
		"doubled":    {fateOf(30, fakemail.Duplicate), "twice"},
		"expunged":   {fakemail.Faults{Expunges: true}, "nobody deleted"},
		"announced":  {fakemail.Faults{ExtraExists: true}, "answered"},
		"incomplete": {fakemail.Faults{SkipFetch: true}, "answered"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Visible(context.Background(), visible(start(t, fakemail.Options{Faults: tc.faults})))
			mustFail(t, err, tc.want)
		})
	}
}

func idle(s *fakemail.Server) IdleOptions {
	return IdleOptions{SMTPAddr: s.SMTP, IMAPAddr: s.IMAP, From: "s@example.org", Account: accounts[0], Count: 30, Size: 2048}
}

func TestIdle(t *testing.T) {
	r, err := Idle(context.Background(), idle(start(t, fakemail.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	if r.Messages != 30 || r.MailToIdle.Count != 30 || r.MailToIdle.Min <= 0 || r.MailTo250.Count != 30 {
		t.Errorf("result %+v", r)
	}
}

func TestIdleFindsFaults(t *testing.T) {
	cases := map[string]struct {
		faults fakemail.Faults
		want   string
	}{
		"lost":      {fateOf(5, fakemail.Lose), "no EXISTS 5"},
		"refused":   {fateOf(5, fakemail.Refuse), "451"},
		"announced": {fakemail.Faults{ExtraExists: true}, "want 1"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := idle(start(t, fakemail.Options{Faults: tc.faults}))
			o.IMAP.Timeout = 200 * time.Millisecond
			_, err := Idle(context.Background(), o)
			mustFail(t, err, tc.want)
		})
	}
}

func mailboxOptions(s *fakemail.Server) MailboxOptions {
	return MailboxOptions{Addr: s.IMAP, Account: accounts[0], Mailbox: "bench", Messages: 150, Size: 1500, Batch: 40, Rounds: 3, Bodies: 60}
}

func TestMailbox(t *testing.T) {
	s := start(t, fakemail.Options{})
	r, err := Mailbox(context.Background(), mailboxOptions(s))
	if err != nil {
		t.Fatal(err)
	}
	if r.AppendsPerSec <= 0 || len(r.Timings) != 9 {
		t.Fatalf("result %+v", r)
	}
	for _, timing := range r.Timings {
		want := 3
		if timing.Name == "store" {
			want = 6 // set and cleared in each round
		}
		if len(timing.Samples) != want || timing.Min > timing.Median || timing.Median > timing.Max {
			t.Errorf("%+v, want %d samples", timing, want)
		}
	}
	_, err = Mailbox(context.Background(), mailboxOptions(s))
	mustFail(t, err, "must not exist")
	again := mailboxOptions(s)
	again.Reuse = true
	if r, err = Mailbox(context.Background(), again); err != nil || r.AppendsPerSec != 0 {
		t.Errorf("reuse: %v, %+v", err, r)
	}
	again.Reuse, again.Replace = false, true
	if r, err = Mailbox(context.Background(), again); err != nil || r.AppendsPerSec == 0 {
		t.Errorf("replace: %v, %+v", err, r)
	}
}

func TestMailboxFindsFaults(t *testing.T) {
	cases := map[string]struct {
		faults fakemail.Faults
		want   string
	}{
		"lost":                {fakemail.Faults{LoseAppends: true}, "0 messages exist"},
		"wrong EXISTS":        {fakemail.Faults{Exists: 1}, "151 messages exist"},
		"fetch incomplete":    {fakemail.Faults{SkipFetch: true}, "149 messages were answered"},
		"fetch repeated":      {fakemail.Faults{RepeatFetch: true}, "answered twice"},
		"body altered":        {fakemail.Faults{AlterBody: true}, "CRC-32C"},
		"size wrong":          {fakemail.Faults{Size: 1}, "RFC822.SIZE"},
		"item missing":        {fakemail.Faults{NoEnvelope: true}, "5 of the items"},
		"search incomplete":   {fakemail.Faults{SkipSearch: true}, "SEARCH UNSEEN found 74"},
		"store without force": {fakemail.Faults{IgnoreStore: true}, "answered"},
		"store incomplete":    {fakemail.Faults{SkipStore: true}, "149 messages were answered"},
		"create refused":      {fakemail.Faults{RefuseCreate: true}, "must not exist"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Mailbox(context.Background(), mailboxOptions(start(t, fakemail.Options{Faults: tc.faults})))
			mustFail(t, err, tc.want)
		})
	}
}

func TestSessions(t *testing.T) {
	s := start(t, fakemail.Options{})
	o := SessionsOptions{Addr: s.IMAPS, IMAP: imap.Options{Options: dial.Options{Security: dial.TLS}}, Accounts: accounts, Count: 20, PIDs: []int{os.Getpid()}}
	r, err := Sessions(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	each := float64(r.After.RSS-r.Before.RSS) / 1024 / 20
	if r.Sessions != 20 || r.Before.RSS <= 0 || r.RSSEach != each {
		t.Errorf("result %+v", r)
	}
	o.PIDs = []int{1 << 30}
	_, err = Sessions(context.Background(), o)
	mustFail(t, err, "no process")
	o.PIDs, o.Accounts = []int{os.Getpid()}, nil
	_, err = Sessions(context.Background(), o)
	mustFail(t, err, "accounts")
}

func TestSessionsNoticesDroppedOnes(t *testing.T) {
	s := start(t, fakemail.Options{})
	c, err := imap.Dial(context.Background(), s.IMAP, imap.Options{Username: "a@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Select("INBOX"); err != nil {
		t.Fatal(err)
	}
	if err := c.StartIdle(); err != nil {
		t.Fatal(err)
	}
	s.Close()
	mustFail(t, stillIdle([]*imap.Conn{c}), "dropped")
}

func importing(s *fakemail.Server) ImportOptions {
	return ImportOptions{
		Addr: s.IMAP, Account: accounts[0], Mailbox: "import", Messages: 205, Size: 1024, MaxSize: 8192,
		Batch: 10, Connections: 3, PIDs: []int{os.Getpid()}, Every: time.Millisecond,
	}
}

func TestImport(t *testing.T) {
	r, err := Import(context.Background(), importing(start(t, fakemail.Options{})))
	if err != nil {
		t.Fatal(err)
	}
	last := r.Points[len(r.Points)-1]
	if len(r.Tenths) != 10 || r.PerSecond <= 0 || r.Steadiness <= 0 || last.Messages != 205 || r.MaxRSS < last.Memory.RSS {
		t.Errorf("result %+v", r)
	}
}

func TestImportFindsLoss(t *testing.T) {
	_, err := Import(context.Background(), importing(start(t, fakemail.Options{Faults: fakemail.Faults{LoseAppends: true}})))
	mustFail(t, err, "holds 0 messages after importing 205")
}

func TestMedian(t *testing.T) {
	for _, tc := range []struct {
		samples []float64
		want    float64
	}{{nil, 0}, {[]float64{3}, 3}, {[]float64{5, 1, 3}, 3}, {[]float64{4, 1, 3, 2}, 2.5}} {
		if got := Median(tc.samples); got != tc.want {
			t.Errorf("Median(%v) = %v, want %v", tc.samples, got, tc.want)
		}
	}
}
