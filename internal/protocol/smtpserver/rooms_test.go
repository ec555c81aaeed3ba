package smtpserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/test/dialogues"
)

// The dialogues of inbound run against the real rooms: what a client hears of accounts, quotas and a store that fails.
func TestDialoguesInbound(t *testing.T) {
	for name, engine := range map[string]func(testing.TB, fs.FS) dbtest.Open{"sqlite": dbtest.OnSQLite, "postgres": dbtest.OnPostgres} {
		t.Run(name, func(t *testing.T) {
			dialogues.RunAll(t, "../../../test/dialogues/inbound/*.dialogue", func(t *testing.T) dialogues.Options {
				return playRooms(t, mailflowtest.New(t, engine(t, schema.Files)(), mailflowtest.Options{}))
			})
		})
	}
}

func playRooms(t *testing.T, r *mailflowtest.Rooms) dialogues.Options {
	accounts := furnish(t, r)
	f := start(t, Options{Inbound: r.Inbound})
	return dialogues.Options{
		Dial: func(_ context.Context, protocol string) (net.Conn, error) { return f.Dial(protocol) },
		Vars: map[string]string{"x": "x"},
		Do: map[string]func([]string) error{
			"inbox": func(words []string) error {
				if got := len(r.Inbox(accounts[words[0]])); strconv.Itoa(got) != words[1] {
					return fmt.Errorf("%s has %d messages", words[0], got)
				}
				return nil
			},
			"spool": func(words []string) error {
				if got := len(r.Owing()); strconv.Itoa(got) != words[0] {
					return fmt.Errorf("%d messages are in the spool", got)
				}
				return nil
			},
			"remove": func(words []string) error {
				return r.Provision.RemoveAccount(t.Context(), mailflowtest.Address(words[0]))
			},
			"break": func([]string) error {
				r.Blobs.Fail = func(string) error { return errors.New("the secret cause") }
				return nil
			},
			"repair": func([]string) error { r.Blobs.Fail = nil; return nil },
		},
		Timeout: 5 * time.Second,
	}
}

// furnish makes accounts and aliases.
func furnish(t *testing.T, r *mailflowtest.Rooms) map[string]mail.AccountID {
	accounts := map[string]mail.AccountID{}
	for _, name := range []string{"ann", "bob", "off"} {
		accounts[name] = r.Account(name)
	}
	off := true
	_, err := r.Provision.ChangeAccount(t.Context(), mailflowtest.Address("off"), provision.AccountChange{Disabled: &off})
	r.Must(err)
	r.AccountWith("small", directory.Quota{Bytes: 500})
	r.Alias("team", "ann", "bob")
	r.Alias("forward", "x@elsewhere.example")
	r.Group("open", directory.PostAnyone, "*ann", "x@elsewhere.example")
	r.Group("members", directory.PostMembers, "ann", "bob@client.example")
	return accounts
}
