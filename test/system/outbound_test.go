//go:build system

package system

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/dial"
	"github.com/mailmesh/mailmesh/bench/smtp"
)

var outboundRounds = flag.Int("outbound-rounds", 30, "rounds of the kill test of mail to other hosts")

// Whatever submission has answered 250 reaches the other host, whenever the server was killed. A copy too many is one that the
// host had answered 250 in a life of the server before: within a life there is none.
func TestKillOutbound(t *testing.T) {
	sink := startSink(t)
	s := newServerWith(t, []string{"MAILMESH_CONFIG_OUTBOUND_SMARTHOST=smtp://" + sink.listener.Addr().String()})
	accounts := s.addAccounts(4)
	for _, a := range accounts {
		s.run("", "account", "set", a, "--max-recipients=-1", "--max-strangers=-1")
	}
	t.Logf("repeat with -seed %d", *seed)
	random := rand.New(rand.NewPCG(*seed, 1))
	var acked []string
	for round := range *outboundRounds {
		ids, each := make(chan []string, 2*len(accounts)), make(chan struct{}, 1000)
		for n := range cap(ids) {
			go func() {
				ids <- submit(s.ready.Submission, accounts[n%len(accounts)], fmt.Sprintf("%d-%d", round, n), each)
			}()
		}
		enough, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		for range 1 + random.IntN(60) { // acknowledged messages, and then a moment
			select {
			case <-each:
			case <-enough.Done():
			}
		}
		cancel()
		time.Sleep(time.Duration(random.IntN(10)) * time.Millisecond) // so that any step may be cut off: not a wait for anything
		s.kill()
		for range cap(ids) {
			acked = append(acked, <-ids...)
		}
		sink.nextLife()
		s.start()
	}
	lost := sink.await(acked, time.Minute)
	copies, messages := sink.count()
	t.Logf("%d messages acknowledged in %d rounds, %d reached the other host, %d of them twice", len(acked), *outboundRounds, messages, copies-messages)
	if len(lost) > 0 {
		t.Errorf("%d messages never came, %q among them", len(lost), lost[0])
	}
	for _, id := range sink.twiceInALife() {
		t.Errorf("%s came twice in one life of the server", id)
	}
	if len(acked) < 10**outboundRounds {
		t.Errorf("only %d messages were acknowledged: they prove little", len(acked))
	}
	s.stop()
	s.verify()
}

// submit hands in one message after the other until the server is gone, and returns which were acknowledged. Each is told, too.
func submit(addr, account, name string, each chan<- struct{}) (acked []string) {
	conn, err := smtp.Dial(context.Background(), addr, smtp.Options{Options: dial.Options{Security: dial.StartTLS}, Username: account, Password: password})
	if err != nil {
		return nil
	}
	defer conn.Close()
	for n := 0; ; n++ {
		id := fmt.Sprintf("<%s-%d@load.example>", name, n)
		content := fmt.Sprintf("From: <%s>\r\nMessage-ID: %s\r\nSubject: %s\r\n\r\n%s", account, id, name, strings.Repeat("A line of text.\r\n", 100))
		o, err := conn.Send(smtp.Mail{From: account, To: []string{fmt.Sprintf("bob@them%d.example", n%5)}, Content: [3][]byte{[]byte(content)}})
		if err != nil {
			return acked
		}
		if o.Accepted() == 1 {
			acked = append(acked, id)
			select {
			case each <- struct{}{}:
			default: // nobody counts any more
			}
		}
	}
}

// sinkHost is the other host: it takes everything, and remembers in which life of the server each copy came.
type sinkHost struct {
	listener net.Listener
	arrived  chan struct{} // holds something after a message came

	mu     sync.Mutex
	life   int
	copies map[string][]int // by Message-ID: the lives
}

func startSink(t *testing.T) *sinkHost {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &sinkHost{listener: l, copies: map[string][]int{}, arrived: make(chan struct{}, 1)}
	var serving sync.WaitGroup
	t.Cleanup(func() { l.Close(); serving.Wait() })
	serving.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			life := s.life
			s.mu.Unlock()
			serving.Go(func() { s.serve(nc, life) })
		}
	})
	return s
}

func (s *sinkHost) serve(nc net.Conn, life int) {
	defer nc.Close()
	r, w := bufio.NewReader(nc), bufio.NewWriter(nc)
	w.WriteString("220 sink.example\r\n")
	id, inData := "", false
	for {
		if r.Buffered() == 0 {
			w.Flush()
		}
		line, err := r.ReadSlice('\n')
		switch {
		case err != nil:
			return
		case inData && string(line) == ".\r\n":
			inData = false
			s.take(id, life)
			w.WriteString("250 taken\r\n")
		case inData && bytes.HasPrefix(line, []byte("Message-ID: ")):
			id = strings.TrimSpace(string(line[len("Message-ID: "):]))
		case inData:
		case bytes.HasPrefix(line, []byte("EHLO")):
			w.WriteString("250-sink.example\r\n250 PIPELINING\r\n")
		case bytes.HasPrefix(line, []byte("DATA")):
			id, inData = "", true
			w.WriteString("354 go on\r\n")
		default:
			w.WriteString("250 ok\r\n")
		}
	}
}

func (s *sinkHost) take(id string, life int) {
	s.mu.Lock()
	s.copies[id] = append(s.copies[id], life)
	s.mu.Unlock()
	select {
	case s.arrived <- struct{}{}:
	default:
	}
}

func (s *sinkHost) nextLife() {
	s.mu.Lock()
	s.life++
	s.mu.Unlock()
}

// await returns which messages have not come when the time is over.
func (s *sinkHost) await(ids []string, limit time.Duration) (missing []string) {
	over := time.After(limit)
	for {
		missing = missing[:0]
		s.mu.Lock()
		for _, id := range ids {
			if len(s.copies[id]) == 0 {
				missing = append(missing, id)
			}
		}
		s.mu.Unlock()
		if len(missing) == 0 {
			return nil
		}
		select {
		case <-s.arrived:
		case <-over:
			return missing
		}
	}
}

func (s *sinkHost) count() (copies, messages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, lives := range s.copies {
		copies += len(lives)
	}
	return copies, len(s.copies)
}

func (s *sinkHost) twiceInALife() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, lives := range s.copies {
		seen := map[int]bool{}
		for _, life := range lives {
			if seen[life] {
				ids = append(ids, id)
			}
			seen[life] = true
		}
	}
	return ids
}
