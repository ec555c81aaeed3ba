package smtpserver

import (
	"bufio"
	"context"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// discard accepts everything and keeps nothing.
type discard struct{}

func (discard) Recipient(_ context.Context, _ smtp.Session, _ *mail.Envelope, r mail.Recipient) (mail.Recipient, error) {
	return r, nil
}

func (discard) Receive(_ context.Context, _ smtp.Session, e *mail.Envelope, content io.Reader) ([]mail.Outcome, error) {
	if _, err := io.Copy(io.Discard, content); err != nil {
		return nil, err
	}
	return delivered(e), nil
}

// BenchmarkMessages is 32 clients over loopback, each sending 10 KiB messages as fast as it is answered. The clients run
// in the same process and need about as much time as the server.
func BenchmarkMessages(b *testing.B) {
	body := strings.Repeat(strings.Repeat("x", 76)+"\r\n", 131) + ".\r\n"
	srv, err := New(Options{Mode: MX, Hostname: "mx.example.org", Inbound: discard{}})
	if err != nil {
		b.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	served := make(chan struct{})
	go func() { srv.Serve(ctx, l); close(served) }()
	defer func() { cancel(); <-served }()

	const clients = 32
	var left atomic.Int64
	left.Store(int64(b.N))
	var running sync.WaitGroup
	b.SetBytes(int64(len(body)))
	b.ResetTimer()
	for range clients {
		running.Go(func() {
			if err := sendMessages(l.Addr().String(), body, &left); err != nil {
				b.Error(err)
			}
		})
	}
	running.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func sendMessages(addr, body string, left *atomic.Int64) error {
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		return err
	}
	defer nc.Close()
	r := bufio.NewReader(nc)
	say := func(text string, lines int) error {
		if _, err := io.WriteString(nc, text); err != nil {
			return err
		}
		for range lines {
			if _, err := r.ReadSlice('\n'); err != nil {
				return err
			}
		}
		return nil
	}
	if err := say("HELO c\r\n", 2); err != nil {
		return err
	}
	for left.Add(-1) >= 0 {
		if err := say("MAIL FROM:<ann@client.example>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\n", 3); err != nil {
			return err
		}
		if err := say(body, 1); err != nil {
			return err
		}
	}
	return nil
}
