package soak

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/mailmesh/mailmesh/bench/fakemail"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var accounts = map[string]string{"a@example.org": "pa", "b@example.org": "pb", "c@example.org": "pc"}

// rig is a server, a folder of journals and a state file.
type rig struct {
	t *testing.T
	s *fakemail.Server
	o Options
	c CheckOptions
}

func newRig(t *testing.T, faults fakemail.Faults) *rig {
	t.Helper()
	s, err := fakemail.Start(fakemail.Options{Passwords: accounts, Faults: faults})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	dir := t.TempDir()
	return &rig{t, s,
		Options{
			Addr: s.SMTP, Connections: 4, From: "s@example.org", To: []string{"a@example.org", "b@example.org", "c@example.org"},
			Size: 1024, MaxSize: 8192, Dir: dir, Count: 20,
		},
		CheckOptions{Addr: s.IMAP, Accounts: accounts, Dir: dir, State: filepath.Join(dir, "state.json"), Atomic: true, Strict: true},
	}
}

func (r *rig) run() *Report {
	r.t.Helper()
	report, err := Run(context.Background(), r.o)
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

func (r *rig) check() *CheckReport {
	r.t.Helper()
	report, err := Check(context.Background(), r.c)
	if err != nil {
		r.t.Fatal(err)
	}
	return report
}

// finds demands problems of this kind, and the others only when they are named.
func (r *rig) finds(kind string, also ...string) {
	r.t.Helper()
	report := r.check()
	if report.Counts[kind] == 0 || report.Err() == nil {
		r.t.Errorf("no problem of kind %q in %v", kind, report.Problems)
	}
	for other := range report.Counts {
		if other != kind && !strings.Contains(strings.Join(also, ","), other) {
			r.t.Errorf("problem of kind %q besides %q: %v", other, kind, report.Problems)
		}
	}
}

func fateOf(n int, fate fakemail.Fate) fakemail.Faults {
	return fakemail.Faults{Accept: func(i int) fakemail.Fate {
		if i == n {
			return fate
		}
		return fakemail.Keep
	}}
}

func TestHonestServer(t *testing.T) {
	for name, opts := range map[string]smtp.Options{"smtp": {}, "lmtp": {LMTP: true}, "bdat": {BDAT: true}} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fakemail.Faults{})
			if r.o.SMTP = opts; opts.LMTP {
				r.o.Addr = r.s.LMTP
			}
			r.s.Damage("a@example.org", fakemail.Put([]byte("Subject: somebody else's\r\n\r\nx\r\n")))
			r.o.PerMail = 2
			for round := range 3 {
				report := r.run()
				if report.Mails != 80 || report.Acked != 160 || report.InDoubt != 0 || report.Lost != 0 {
					t.Fatalf("run: %+v", report)
				}
				r.c.NewOnly = round == 2
				got := r.check()
				wantBodies := 160 * (round + 1)
				if r.c.NewOnly {
					wantBodies = 160
				}
				if !got.OK() || got.Acked != 160*(round+1) || got.Messages != got.Acked+1 || got.Foreign != 1 || got.BodiesRead != wantBodies {
					t.Fatalf("check %d: %+v", round, got)
				}
			}
		})
	}
}

// What a crash may do: a mail in doubt may be there or not.
func TestMailInDoubtMayGoEitherWay(t *testing.T) {
	for fate, kept := range map[fakemail.Fate]int{fakemail.HangUp: 1, fakemail.HangUpAndLose: 0} {
		r := newRig(t, fateOf(30, fate))
		if report := r.run(); report.Lost != 1 || report.InDoubt != 1 || len(report.Why) != 1 {
			t.Errorf("run: %+v", report)
		}
		if got := r.check(); !got.OK() || got.InDoubt != 1 || got.InDoubtKept != kept {
			t.Errorf("check: %+v", got)
		}
	}
}

func TestRunEndsWhenTheServerDies(t *testing.T) {
	r := newRig(t, fakemail.Faults{})
	died := make(chan struct{})
	r.s.SetFaults(fakemail.Faults{Accept: func(n int) fakemail.Fate {
		if n == 40 {
			go func() { r.s.Close(); close(died) }()
		}
		return fakemail.Keep
	}})
	r.o.Count = 0
	report := r.run()
	<-died
	if report.Lost != 4 || report.Acked < 30 || report.Mails != report.Acked+report.InDoubt {
		t.Errorf("run: %+v", report)
	}
	records, err := ReadJournals(r.o.Dir)
	if err != nil || len(records) != int(report.Mails) {
		t.Errorf("%d records of %d mails, %v", len(records), report.Mails, err)
	}
}

func TestRunEndsWithDuration(t *testing.T) {
	r := newRig(t, fakemail.Faults{})
	r.o.Count, r.o.Duration = 0, 20*time.Millisecond
	if report := r.run(); report.Lost != 0 || report.InDoubt != 0 || report.Acked == 0 {
		t.Errorf("run: %+v", report)
	}
	if got := r.check(); !got.OK() {
		t.Error(got.Err())
	}
}

func TestCheckFindsWhatTheServerDidWrong(t *testing.T) {
	cases := map[string]struct {
		fate    fakemail.Fate
		kind    string
		perMail int
	}{
		"lost":                      {fakemail.Lose, Missing, 1},
		"doubled":                   {fakemail.Duplicate, Doubled, 1},
		"doubled in doubt":          {fakemail.HangUpTwice, Doubled, 1},
		"altered":                   {fakemail.Alter, Altered, 1},
		"cut short":                 {fakemail.Truncate, Altered, 1},
		"something before it":       {fakemail.Garbage, BadTrace, 1},
		"refused and kept":          {fakemail.RefuseAndKeep, Kept, 1},
		"for one of two recipients": {fakemail.KeepFirstOnly, Partial, 2},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fateOf(30, tc.fate))
			r.o.PerMail = tc.perMail
			r.run()
			r.finds(tc.kind)
			if _, err := os.Stat(r.c.State); err == nil {
				t.Error("a state was saved although promises were broken")
			}
			r.c.Strict, r.c.Atomic = false, false
			if lenient := tc.kind == Kept || tc.kind == Partial; lenient && !r.check().OK() {
				t.Errorf("found although not asked for: %v", r.check().Problems)
			}
		})
	}
}

func TestCheckFindsWrongAnswers(t *testing.T) {
	cases := map[string]struct {
		faults fakemail.Faults
		kind   string
		also   string
	}{
		"STATUS MESSAGES": {fakemail.Faults{Messages: 1}, Miscounted, ""},
		"STATUS UNSEEN":   {fakemail.Faults{Unseen: -1}, Miscounted, ""},
		"EXISTS":          {fakemail.Faults{Exists: -1}, Miscounted, ""},
		"UIDNEXT":         {fakemail.Faults{UIDNext: -1}, UIDOrder, ""},
		"RFC822.SIZE":     {fakemail.Faults{Size: 1}, Altered, Miscounted},
		"body":            {fakemail.Faults{AlterBody: true}, Altered, ""},
		"left out":        {fakemail.Faults{SkipFetch: true}, Missing, Miscounted},
		"told twice":      {fakemail.Faults{RepeatFetch: true}, UIDOrder, Doubled + Miscounted},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fakemail.Faults{})
			r.run()
			r.s.SetFaults(tc.faults)
			r.finds(tc.kind, tc.also)
		})
	}
}

func TestCheckComparesWithTheLast(t *testing.T) {
	cases := map[string]struct {
		change func(s *fakemail.Server)
		kind   string
		also   string
	}{
		"lost later":      {damage(fakemail.Remove(3)), Vanished, Missing},
		"swapped":         {damage(fakemail.Swap(3, 4)), UIDReused, ""},
		"moved up":        {damage(fakemail.Renumber(3, 500)), UIDOrder, Vanished},
		"new UIDVALIDITY": {damage(fakemail.NewUIDValidity(2)), Renumbered, ""},
		"numbers again":   {damage(fakemail.Remove(26), fakemail.Rewind(27)), Vanished, UIDOrder + Missing + Renumbered},
		"unknown":         {damage(fakemail.Put([]byte("Message-ID: <00000000000000aa.0.1@mailload.example>\r\n\r\nx\r\n"))), Unknown, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, fakemail.Faults{})
			r.run()
			if got := r.check(); !got.OK() {
				t.Fatal(got.Err())
			}
			tc.change(r.s)
			r.finds(tc.kind, tc.also)
		})
	}
}

func damage(changes ...fakemail.Change) func(*fakemail.Server) {
	return func(s *fakemail.Server) { s.Damage("a@example.org", changes...) }
}

func TestCheckNeedsEveryAccount(t *testing.T) {
	r := newRig(t, fakemail.Faults{})
	r.run()
	r.c.Accounts = map[string]string{"a@example.org": "pa"}
	if _, err := Check(context.Background(), r.c); err == nil || !strings.Contains(err.Error(), "not given") {
		t.Errorf("error %v", err)
	}
	r.c.Accounts = map[string]string{"a@example.org": "wrong"}
	if _, err := Check(context.Background(), r.c); err == nil {
		t.Error("a check without signing in succeeded")
	}
}

// The journal has "sent" before the server can have the mail, and "acked" before
// the next mail is begun: seen from the server's side, at each end of content.
func TestJournalIsWrittenInTime(t *testing.T) {
	r := newRig(t, fakemail.Faults{})
	r.o.Connections, r.o.Count = 1, 5
	r.s.SetFaults(fakemail.Faults{Accept: func(n int) fakemail.Fate {
		paths, _ := filepath.Glob(filepath.Join(r.o.Dir, "*.jsonl"))
		raw, err := os.ReadFile(paths[0])
		if sent, acked := strings.Count(string(raw), `"sent"`), strings.Count(string(raw), `"acked"`); err != nil || sent != n || acked != n-1 {
			t.Errorf("at mail %d the journal has %d sent and %d acked (%v)", n, sent, acked, err)
		}
		return fakemail.Keep
	}})
	r.run()
}

func TestReadJournals(t *testing.T) {
	const sent = `{"id":"m","state":"sent","to":["a","b"],"sha256":"x","size":5}` + "\n"
	const acked = `{"id":"m","state":"acked","to":["a"],"code":250}` + "\n"
	cases := map[string]struct {
		text string
		want map[string]string
		err  string
	}{
		"sent":            {sent, map[string]string{"a": Sent, "b": Sent}, ""},
		"acked":           {sent + acked, map[string]string{"a": Acked, "b": Sent}, ""},
		"cut off":         {sent + acked[:20], map[string]string{"a": Sent, "b": Sent}, ""},
		"damaged":         {sent + "{}x\n" + acked, nil, "line 2"},
		"sent twice":      {sent + sent, nil, "before"},
		"acked, not sent": {acked, nil, "never sent"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "j.jsonl"), []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			records, err := ReadJournals(dir)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("error %v, want one with %q", err, tc.err)
				}
				return
			}
			if err != nil || records["m"].Fates["a"] != tc.want["a"] || records["m"].Fates["b"] != tc.want["b"] {
				t.Errorf("%+v, %v; want %v", records["m"], err, tc.want)
			}
		})
	}
	if _, err := ReadJournals(t.TempDir()); err == nil {
		t.Error("an empty folder has journals")
	}
}

func TestStateFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.json")
	for text, want := range map[string]string{"{": "state.json", `{"version":9}`: "version 9"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadState(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want one with %q", text, err, want)
		}
	}
	if err := new(State).Write(filepath.Join(path, "below a file")); err == nil {
		t.Error("a state was written below a file")
	}
}

func TestIsHeader(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "A: b\r\n": true, "A: b\r\n\tc\r\nD:\r\n": true,
		"A: b": false, "\r\n": false, "A: b\r\n\r\n": false, " x\r\n": false, "no field\r\n": false, "A : b\r\n": false, ": b\r\n": false,
	} {
		if got := isHeader([]byte(text)); got != want {
			t.Errorf("isHeader(%q) = %v", text, got)
		}
	}
}
