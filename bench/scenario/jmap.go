package scenario

import (
	"context"
	"fmt"
	"time"

	"github.com/mailmesh/mailmesh/bench/jmaptimes"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/bench/result"
	"github.com/mailmesh/mailmesh/bench/server"
)

// requestsMailbox is how many messages each account has to whose client requests are answered.
const requestsMailbox = 500

// jmapServer is where the server speaks JMAP. Where it does not, its steps are left out.
func (r *run) jmapServer() (jmaptimes.Server, bool) {
	if r.doors.HTTPS == "" {
		r.say("  left out: the server does not speak JMAP")
	}
	return jmaptimes.Server{HTTPS: r.doors.HTTPS, SMTP: r.doors.SMTP, IMAP: r.doors.IMAP, PIDs: r.doors.PIDs}, r.doors.HTTPS != ""
}

// settle brings the server to rest before its memory is read.
func (r *run) settle(ctx context.Context) error {
	if server, ok := r.server.(server.Rester); ok {
		if err := server.Rest(ctx); err != nil {
			return err
		}
	}
	_, err := measure.AwaitRest(ctx, max(r.scale.Rest, r.scale.Settle), r.doors.PIDs...)
	return err
}

func (r *run) push(ctx context.Context) error {
	s, ok := r.jmapServer()
	if !ok {
		return nil
	}
	accounts, err := r.accounts(ctx, "push", 1)
	if err != nil {
		return err
	}
	got, err := jmaptimes.Push(ctx, jmaptimes.PushOptions{
		Server: s, Account: accounts[0], From: sender, Count: r.scale.Idle, Size: mailboxSize, Interval: r.scale.IdleEvery, Limit: r.scale.Wait,
	})
	if err != nil {
		return err
	}
	r.figure("MAIL FROM to WebSocket push, p50", "ms", result.Less, got.MailToPush.P50)
	r.figure("MAIL FROM to WebSocket push, p99", "ms", result.Less, got.MailToPush.P99)
	r.figure("250 to WebSocket push, p50", "ms", result.Less, got.After250.P50)
	r.figure("250 to WebSocket push, p99", "ms", result.Less, got.After250.P99)
	return nil
}

func (r *run) typing(ctx context.Context) error {
	s, ok := r.jmapServer()
	if !ok {
		return nil
	}
	accounts, err := r.accounts(ctx, "typing", 2)
	if err != nil {
		return err
	}
	got, err := jmaptimes.Typing(ctx, jmaptimes.TypingOptions{
		Server: s, Accounts: [2]measure.Account(accounts), Count: min(r.scale.Idle, typingCount), Interval: typingEvery, Limit: r.scale.Wait,
	})
	if err != nil {
		return err
	}
	r.figure("typing from client to client, p50", "ms", result.Less, got.P50)
	r.figure("typing from client to client, p99", "ms", result.Less, got.P99)
	return nil
}

// No more signals than a server lets an account send: 60 at once, and 2 a second.
const (
	typingCount = 100
	typingEvery = 250 * time.Millisecond
)

func (r *run) sockets(ctx context.Context) error {
	s, ok := r.jmapServer()
	if !ok {
		return nil
	}
	accounts, err := r.accounts(ctx, "socket", max(r.scale.Mailboxes, r.scale.Sockets/socketsOfAccount))
	if err != nil {
		return err
	}
	got, err := jmaptimes.Sockets(ctx, jmaptimes.SocketsOptions{Server: s, Accounts: accounts, Count: r.scale.Sockets, Rest: r.settle})
	if err != nil {
		return err
	}
	r.figure(fmt.Sprintf("memory of a WebSocket (of %d), PSS", got.Sockets), "KiB", result.Less, got.PSSEach)
	return nil
}

// socketsOfAccount is less than a server lets one account have.
const socketsOfAccount = 50

func (r *run) jmapPages(ctx context.Context) error {
	s, ok := r.jmapServer()
	if !ok {
		return nil
	}
	accounts, err := r.accounts(ctx, "jmap", len(r.scale.Large))
	if err != nil {
		return err
	}
	for i, n := range r.scale.Large {
		got, err := jmaptimes.Page(ctx, jmaptimes.PageOptions{
			Server: s, Account: accounts[i], Messages: n, Size: mailboxSize, Batch: batch, Rounds: r.scale.Rounds,
			Changes: min(1000, n/2), From: sender, Rest: r.settle,
		})
		if err != nil {
			return err
		}
		prefix := fmt.Sprintf("jmap of %d, ", n)
		changes := min(1000, n/2)
		r.figure(prefix+"first page", "ms", result.Less, got.Page.Median, got.Page.Samples...)
		r.figure(prefix+"first page after a new message", "ms", result.Less, got.AfterNew.Median, got.AfterNew.Samples...)
		r.figure(fmt.Sprintf("%s%d changes", prefix, changes), "ms", result.Less, got.Changes.Median, got.Changes.Samples...)
		r.figure(fmt.Sprintf("%s%d changes", prefix, changes/10), "ms", result.Less, got.FewChanges.Median, got.FewChanges.Samples...)
	}
	return nil
}

func (r *run) jmapRequests(ctx context.Context) error {
	s, ok := r.jmapServer()
	if !ok {
		return nil
	}
	accounts, err := r.accounts(ctx, "request", 2*r.scale.Mailboxes)
	if err != nil {
		return err
	}
	o := jmaptimes.RequestsOptions{
		Server: s, Accounts: accounts[:r.scale.Mailboxes], Mailbox: requestsMailbox, Size: mailboxSize, From: sender, Duration: r.scale.Duration,
	}
	most, err := jmaptimes.Requests(ctx, o)
	if err != nil {
		return err
	}
	r.figure("jmap requests", "requests/s", result.More, most.PerSecond)
	r.figure("jmap requests, CPU of the server", "us/request", result.Less, most.ServerCPU)
	if err := r.settle(ctx); err != nil {
		return err
	}
	o.Accounts, o.PerSecond = accounts[r.scale.Mailboxes:], r.scale.Requests
	paced, err := jmaptimes.Requests(ctx, o)
	if err != nil {
		return err
	}
	r.figure(fmt.Sprintf("jmap at %d/s, p50", o.PerSecond), "ms", result.Less, paced.Time.P50)
	r.figure(fmt.Sprintf("jmap at %d/s, p99", o.PerSecond), "ms", result.Less, paced.Time.P99)
	return nil
}
