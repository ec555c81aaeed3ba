package queue

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cluster/members"
	"github.com/mailmesh/mailmesh/internal/infra/db"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/submissions"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

var realLeases = flag.Bool("real-leases", false, "TestProcesses waits for leases as long as nodes do, and not a tenth of that")

// nodeEnv makes the test binary a node on the database that it names.
const nodeEnv = "MAILMESH_TEST_QUEUE_NODE"

// TestNodeProcess is no test but a node that TestProcesses starts. What it does stands in its output: "begun", and then "sent" or
// "gave up". Mail to stuck.example is begun and ended when a line comes in.
func TestNodeProcess(t *testing.T) {
	url := os.Getenv(nodeEnv)
	if url == "" {
		t.Skip("for TestProcesses")
	}
	d, err := db.Open(t.Context(), db.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Rooms: mailflowtest.New(t, d, mailflowtest.Options{}), t: t, db: d, seen: &seen{}, now: map[string]int{}, most: map[string]int{}}
	w.spool, w.subs = w.Spool, w.Submissions
	o := members.Options{DB: d, Name: "node"}
	if !*realLeases {
		o.Lease, o.Renew, o.Look = members.LeaseFor/10, members.RenewEvery/10, members.LookEvery/10
	}
	w.member, err = members.Join(t.Context(), o)
	w.Must(err)
	w.queue = w.newQueue()
	w.queue.o.Alone = false
	w.member.OnEnded(w.queue.NodesEnded)
	goOn := make(chan struct{})
	w.deliver = func(ctx context.Context, j mailflow.Job) []mailflow.Attempt {
		to := j.Envelope.Recipients[0].Address.String()
		say("begun", to, time.Now())
		if j.Domain == "stuck.example" {
			<-goOn
		} else {
			time.Sleep(rand.N(200 * time.Millisecond))
		}
		asked := time.Now() // a process may be struck between asking and saying
		if !j.MayEnd() {
			say("gave-up", to, asked)
			return all(j, deferred(false))
		}
		say("sent", to, asked)
		return all(j, relayed())
	}
	go w.member.Run(t.Context())
	w.run()
	bufio.NewReader(os.Stdin).ReadString('\n')
	close(goOn)
	io.Copy(io.Discard, os.Stdin)
}

func say(what, to string, at time.Time) { fmt.Println(what, to, at.UnixNano()) }

// process is a node of its own.
type process struct {
	*exec.Cmd
	in    io.WriteCloser
	mu    sync.Mutex
	lines map[string]time.Time // what it said, and of when
	times map[string]int
}

func startNode(t *testing.T, url string) *process {
	p := &process{Cmd: exec.Command(os.Args[0], "-test.run=^TestNodeProcess$", fmt.Sprint("-real-leases=", *realLeases)), lines: map[string]time.Time{}, times: map[string]int{}}
	p.Env = append(os.Environ(), nodeEnv+"="+url)
	p.Stderr = os.Stderr
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if p.in, err = p.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			said, at, _ := cutLast(lines.Text())
			p.mu.Lock()
			p.lines[said] = at
			p.times[said]++
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		p.Process.Kill()
		p.Wait()
	})
	return p
}

// cutLast takes the time from the end of a line.
func cutLast(line string) (said string, at time.Time, err error) {
	i := strings.LastIndexByte(line, ' ')
	n, err := strconv.ParseInt(line[i+1:], 10, 64)
	return line[:max(0, i)], time.Unix(0, n), err
}

// said returns when the node said something, the zero time where it did not.
func (p *process) said(what string) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lines[what]
}

func (p *process) count(verb string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for line, times := range p.times {
		if strings.HasPrefix(line, verb+" ") {
			n += times
		}
	}
	return n
}

func waitFor(t *testing.T, what string, done func() bool) {
	t.Helper()
	for begun := time.Now(); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatalf("after 30 seconds not yet: %s", what)
		}
	}
}

// Three processes on one PostgreSQL. One is killed while it sends, one stands still while it sends: the third takes over within
// 10 seconds, the one that wakes up gives up before its final dot, every recipient comes to one end, and what was sent twice is
// only what one of the two had sent and not committed when it was struck.
func TestProcesses(t *testing.T) {
	url := dbtest.PostgresURL(t, schema.Files)
	if !*realLeases { // a tenth of that, too: a node that stands still may hold locks
		url += "&idle_in_transaction_session_timeout=600"
	}
	d, err := db.Open(t.Context(), db.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	w := &world{Rooms: mailflowtest.New(t, d, mailflowtest.Options{}), t: t, db: d}
	w.spool, w.subs = w.Spool, w.Submissions
	ann := w.Account("ann")
	subs := map[string]mail.SubmissionID{}
	submit := func(to string) {
		m := msg(to, to)
		m.Account = ann
		w.Must(w.Tx.Write(t.Context(), []mail.AccountID{ann}, func(t *tx.Tx) (err error) {
			m.Submission, err = w.subs.Add(t, submissions.Submission{Account: ann, Recipients: []submissions.Recipient{{Address: m.Envelope.Recipients[0].Address}}})
			return err
		}))
		subs[to] = m.Submission
		w.add(m)
	}

	killed := startNode(t, url)
	submit("killed@stuck.example")
	waitFor(t, "the first node begins", func() bool { return !killed.said("begun killed@stuck.example").IsZero() })
	paused := startNode(t, url)
	waitFor(t, "the second node joins", func() bool { return w.nodes() == 2 })
	for n := 0; paused.count("begun") == 0; n++ { // until it is the second that takes one
		submit(fmt.Sprintf("paused%d@stuck.example", n))
		time.Sleep(50 * time.Millisecond)
	}
	third := startNode(t, url)
	third.in.Write([]byte("\n")) // nothing is stuck there
	waitFor(t, "the third node joins", func() bool { return w.nodes() == 3 })
	for i := range 500 {
		submit(fmt.Sprintf("u%d@d%d.example", i, i%7))
	}
	waitFor(t, "all send", func() bool { return killed.count("sent") > 5 && paused.count("sent") > 5 })
	paused.Process.Signal(syscall.SIGSTOP)
	killed.Process.Kill()
	struck := time.Now() // signals have been sent, and arrive
	waitFor(t, "everything is sent", func() bool { return len(w.left()) == 0 })
	if took := time.Since(struck); took > 10*time.Second {
		t.Errorf("taken over after %v", took)
	} else {
		t.Logf("taken over after %v", took)
	}
	paused.in.Write([]byte("\n"))
	paused.Process.Signal(syscall.SIGCONT)
	waitFor(t, "the paused node gives up", func() bool { return paused.count("gave-up") > 0 })
	time.Sleep(100 * time.Millisecond)
	w.checkOnce(ann, subs, struck, []*process{killed, paused}, third)
	w.check()
}

func (w *world) nodes() (n int) {
	w.Must(w.db.Read(context.Background(), func(t *db.Tx) error { return t.QueryRow(`SELECT COUNT(*) FROM node`).Scan(&n) }))
	return n
}

// checkOnce holds that every recipient has one end, and that what was sent twice was sent by one that was struck, before that.
func (w *world) checkOnce(account mail.AccountID, subs map[string]mail.SubmissionID, struck time.Time, victims []*process, other *process) {
	w.t.Helper()
	twice := 0
	for to, id := range subs {
		var events [][]mail.Event
		w.Must(w.Tx.Read(context.Background(), func(t *tx.Tx) (err error) { events, err = w.subs.Events(t, account, id); return err }))
		ends := 0
		for _, e := range events[0] {
			if e.Kind.Final() {
				ends++
			}
		}
		line := "sent " + to
		sent := other.said(line)
		times := 0
		if !sent.IsZero() {
			times++
		}
		for _, p := range victims {
			if at := p.said(line); !at.IsZero() {
				times++
				if at.After(struck.Add(100 * time.Millisecond)) {
					w.t.Errorf("%s was sent by a node that stood still, after it woke up", to)
				}
			}
		}
		if ends != 1 || times == 0 || other.times[line] > 1 {
			w.t.Errorf("%s has %d ends, and was sent %d times, %d of them by the node that lived on", to, ends, times, other.times[line])
		}
		if times > 1 {
			twice++
		}
	}
	w.t.Logf("%d of %d were sent twice", twice, len(subs))
}
