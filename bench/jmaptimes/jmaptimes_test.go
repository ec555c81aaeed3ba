package jmaptimes_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/bench/jmaptimes"
	"github.com/mailmesh/mailmesh/bench/measure"
	"github.com/mailmesh/mailmesh/internal/node/nodetest"
)

// start runs a server in this process with n empty accounts.
func start(t *testing.T) (jmaptimes.Server, []measure.Account) {
	t.Helper()
	n := nodetest.Start(t, nodetest.Config(t), nil)
	var accounts []measure.Account
	for _, a := range n.Accounts {
		accounts = append(accounts, measure.Account{Address: a.Address, Password: a.Password})
	}
	return jmaptimes.Server{HTTPS: n.Doors["https"], SMTP: n.Doors["smtp"], IMAP: n.Doors["imap"], PIDs: []int{os.Getpid()}}, accounts
}

const sender = "sender@mailload.example"

func TestPush(t *testing.T) {
	s, accounts := start(t)
	got, err := jmaptimes.Push(t.Context(), jmaptimes.PushOptions{Server: s, Account: accounts[0], From: sender, Count: 5, Size: 2000, Limit: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	if got.MailToPush.Count != 5 || got.MailToPush.P50 <= 0 || got.MailToPush.P50 < got.After250.P50 {
		t.Errorf("%+v", got)
	}
}

func TestSockets(t *testing.T) {
	s, accounts := start(t)
	rested := 0
	rest := func(context.Context) error { rested++; return nil }
	got, err := jmaptimes.Sockets(t.Context(), jmaptimes.SocketsOptions{Server: s, Accounts: accounts, Count: 12, Rest: rest})
	if err != nil || got.Sockets != 12 || rested != 2 {
		t.Errorf("%+v after %d rests, %v", got, rested, err)
	}
}

func TestPage(t *testing.T) {
	s, accounts := start(t)
	got, err := jmaptimes.Page(t.Context(), jmaptimes.PageOptions{
		Server: s, Account: accounts[0], Messages: 120, Size: 2000, Batch: 20, Rounds: 2, Changes: 110, From: sender,
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, times := range []jmaptimes.Times{got.Page, got.AfterNew, got.Changes, got.FewChanges} {
		if len(times.Samples) != 2 || times.Median <= 0 {
			t.Errorf("%+v", times)
		}
	}
}

func TestRequests(t *testing.T) {
	s, accounts := start(t)
	o := jmaptimes.RequestsOptions{Server: s, Accounts: accounts[:1], Mailbox: 60, Size: 2000, From: sender, Duration: 300 * time.Millisecond}
	if got, err := jmaptimes.Requests(t.Context(), o); err != nil || got.PerSecond <= 0 || got.Time.P50 <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
	o.Accounts, o.PerSecond = accounts[1:2], 50
	if got, err := jmaptimes.Requests(t.Context(), o); err != nil || got.Time.Count != 14 {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTyping(t *testing.T) {
	s, accounts := start(t)
	got, err := jmaptimes.Typing(t.Context(), jmaptimes.TypingOptions{
		Server: s, Accounts: [2]measure.Account(accounts[:2]), Count: 6, Limit: time.Minute,
	})
	if err != nil || got.Count != 6 || got.P50 <= 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
