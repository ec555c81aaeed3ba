package scenario

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/fakemail"
	"github.com/mailmesh/mailmesh/bench/result"
	"github.com/mailmesh/mailmesh/bench/server"
)

// The test binary is also the server's command line.
func TestMain(m *testing.M) {
	if os.Getenv(fakemail.CommandEnv) != "" {
		if err := fakemail.Command(os.Args[1:], os.Stdin); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// tiny is a scale at which every step takes milliseconds.
var tiny = Scale{
	Name: "tiny", Connections: 3, Mailboxes: 2, Duration: 30 * time.Millisecond, Idle: 5, Poll: time.Millisecond,
	Wait: time.Second, Large: []int{100, 120}, Rounds: 2, Bodies: 20, Sessions: 6, Import: 60,
}

func TestRunAgainstTheCommandLine(t *testing.T) {
	fakemail.BeCommand(t, "serve")
	var log strings.Builder
	s := &server.Mailmesh{Binary: os.Args[0], Data: filepath.Join(t.TempDir(), "data"), Log: &log}
	var progress strings.Builder
	got, err := Run(context.Background(), Options{Servers: []server.Server{s}, Scale: tiny, Progress: &progress})
	if err != nil {
		t.Fatalf("%v\n%s\nlog: %s", err, progress.String(), log.String())
	}
	if len(got) != 1 || len(got[0].Failures) != 0 {
		t.Fatalf("results %+v", got)
	}
	// start 1, idle 2, smtp 5, lmtp 5, visible 4, imap 2*10, sessions 1, import 3
	if n := len(got[0].Figures); n != 41 {
		t.Errorf("%d figures, want 41", n)
	}
	names := map[string]bool{}
	for _, f := range got[0].Figures {
		if names[f.Name] {
			t.Errorf("%s is there twice", f.Name)
		}
		names[f.Name] = true
		if f.Unit == "" || f.Better != result.More && f.Better != result.Less {
			t.Errorf("figure %+v", f)
		}
		if f.Value <= 0 && !strings.Contains(f.Name, "CPU") && !strings.Contains(f.Name, "250") && !strings.Contains(f.Name, "session") {
			t.Errorf("%s is %v", f.Name, f.Value)
		}
	}
}

// local is a server in this process.
type local struct {
	opts   fakemail.Options
	s      *fakemail.Server
	noLMTP bool
	broken bool
}

func (l *local) Name() string { return "local" }

func (l *local) Start(context.Context) (e server.Endpoints, err error) {
	if l.broken {
		return e, fmt.Errorf("does not start")
	}
	if l.s, err = fakemail.Start(l.opts); err != nil {
		return e, err
	}
	e = server.Endpoints{SMTP: l.s.SMTP, LMTP: l.s.LMTP, IMAP: l.s.IMAP, PIDs: []int{os.Getpid()}}
	if l.noLMTP {
		e.LMTP = ""
	}
	return e, nil
}

func (l *local) AddAccount(_ context.Context, address, password string) error {
	l.s.AddAccount(address, password)
	return nil
}

func (l *local) Stop() error { return l.s.Close() }

func TestFailedStepsAreRecorded(t *testing.T) {
	cases := map[string]struct {
		s    *local
		want string
	}{
		"lmtp":    {&local{noLMTP: true}, "no such door"},
		"smtp":    {&local{opts: fakemail.Options{Faults: fakemail.Faults{Accept: func(int) fakemail.Fate { return fakemail.Refuse }}}}, "end of content 451"},
		"visible": {&local{opts: fakemail.Options{Faults: fakemail.Faults{Accept: func(int) fakemail.Fate { return fakemail.Duplicate }}}}, "twice"},
		"imap":    {&local{opts: fakemail.Options{Faults: fakemail.Faults{SkipSearch: true}}}, "search unseen"},
		"start":   {&local{broken: true}, "does not start"},
	}
	for step, tc := range cases {
		t.Run(step, func(t *testing.T) {
			o := Options{Servers: []server.Server{tc.s}, Scale: tiny, Steps: []string{"sessions", step}, Progress: new(strings.Builder)}
			got, err := Run(context.Background(), o)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error %v, want one with %q", err, tc.want)
			}
			if f := got[0].Failures; len(f) != 1 || f[0].Step != step || !strings.Contains(f[0].Error, tc.want) {
				t.Errorf("failures %+v", f)
			}
			if step != "start" && len(got[0].Figures) == 0 {
				t.Error("the other step has no figures")
			}
		})
	}
}

func TestUnknownStep(t *testing.T) {
	if _, err := Run(context.Background(), Options{Steps: []string{"nonsense"}}); err == nil || !strings.Contains(err.Error(), "smtp") {
		t.Errorf("error %v, want one that names the steps", err)
	}
}
