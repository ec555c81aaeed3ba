package server

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Sink is Debian's smtp-sink (package postfix): it takes mail from the servers that
// are measured, counts it and throws it away.
type Sink struct {
	Log io.Writer

	child    *child
	addr     string
	received atomic.Int64
	counting sync.WaitGroup
}

const sinkProgram = "/usr/sbin/smtp-sink"

// Available is nil where the sink can be started, or says what is missing.
func (*Sink) Available() error {
	if _, err := os.Stat(sinkProgram); err != nil {
		return fmt.Errorf("install Debian's postfix: %w", err)
	}
	return nil
}

// Start returns when the sink listens.
func (s *Sink) Start(ctx context.Context) error {
	ports, err := freePorts(1)
	if err != nil {
		return err
	}
	s.addr = loopback(ports[0])
	args := []string{"-c", "-m", "1000"}
	if os.Getuid() == 0 {
		args = append(args, "-u", "nobody") // it refuses to run as root
	}
	counters, out, err := os.Pipe()
	if err != nil {
		return err
	}
	s.child, err = startChildWith(func(c *exec.Cmd) { c.Stdout = out }, s.Log, sinkProgram, append(args, s.addr, "1000")...)
	out.Close()
	if err != nil {
		counters.Close()
		return err
	}
	s.counting.Go(func() { s.count(counters) })
	return s.await(ctx)
}

func (s *Sink) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for ctx.Err() == nil {
		if nc, err := net.Dial("tcp", s.addr); err == nil {
			return nc.Close()
		}
		select {
		case <-s.child.exited:
			return errors.New("smtp-sink ended: see the log")
		case <-ctx.Done():
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.Join(ctx.Err(), s.Stop())
}

// count reads the counters that the sink writes after each mail: "sess=1 quit=0
// mesg=1" and a CR.
func (s *Sink) count(counters io.ReadCloser) {
	defer counters.Close()
	r := bufio.NewReader(counters)
	for {
		text, err := r.ReadSlice('\r')
		if err != nil {
			return
		}
		if _, n, ok := bytes.Cut(bytes.TrimSuffix(text, []byte{'\r'}), []byte("mesg=")); ok {
			if mails, err := strconv.ParseInt(string(n), 10, 64); err == nil {
				s.received.Store(mails)
			}
		}
	}
}

// Addr is where it listens.
func (s *Sink) Addr() string { return s.addr }

// Received is how many mails it has taken.
func (s *Sink) Received() int { return int(s.received.Load()) }

// Stop ends it.
func (s *Sink) Stop() error {
	err := s.child.stop()
	s.counting.Wait()
	return err
}
