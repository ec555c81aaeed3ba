package node

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// DemoAccount is an account of the demo. Its password is no secret: the demo listens on this machine only.
type DemoAccount struct {
	Address  string `json:"address"`
	Password string `json:"password"`
	name     string
}

const demoDomain = "demo.example"

var demoAccounts = []DemoAccount{
	{"alice@" + demoDomain, "demo-of-alice", "Alice Berger"},
	{"bob@" + demoDomain, "demo-of-bob", "Bob Castellano"},
}

// Demo makes the demo's domain and accounts, with the sample mail, where they are missing. It is called before Serve, and has browsers of this
// machine served over HTTP, too.
func (n *Node) Demo(ctx context.Context) ([]DemoAccount, error) {
	n.demo = true
	if _, err := n.rooms.provision.AddDomain(ctx, demoDomain); err != nil && !mail.Is(err, mail.Exists) {
		return nil, err
	}
	made := map[string]mail.AccountID{} // by the first part of the address
	for _, a := range demoAccounts {
		address, err := mail.ParseAddress(a.Address)
		if err != nil {
			return nil, err
		}
		account, err := n.rooms.provision.AddAccount(ctx, provision.Request{Address: address, Name: a.name, Password: a.Password})
		switch {
		case mail.Is(err, mail.Exists):
			continue
		case err != nil:
			return nil, err
		}
		made[address.Local] = account.ID
	}
	return demoAccounts, n.keepDemoMail(ctx, made)
}

// keepDemoMail gives new accounts the sample mail that is theirs, as if it had come at various times before now.
func (n *Node) keepDemoMail(ctx context.Context, accounts map[string]mail.AccountID) error {
	names, err := fs.Glob(demoFiles, "demo/*.eml")
	if err != nil {
		return err
	}
	now := time.Now()
	for _, name := range names {
		sample, err := readSample(name, now)
		if err != nil {
			return err
		}
		for _, place := range sample.places {
			if id, ok := accounts[place.account]; ok {
				if err := n.keepSample(ctx, id, place, sample.text); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (n *Node) keepSample(ctx context.Context, id mail.AccountID, place samplePlace, text []byte) error {
	summarizer := message.NewSummarizer(message.Limits{})
	if _, err := summarizer.Write(text); err != nil {
		return err
	}
	m, err := mailbox.Summarized(summarizer.Close())
	if err != nil {
		return err
	}
	m.Received, m.Flags = place.received, place.flags
	body, err := n.rooms.bodies.Put(ctx, bytes.NewReader(text))
	if err != nil {
		return err
	}
	return n.rooms.tx.Write(ctx, []mail.AccountID{id}, func(t *tx.Tx) error { return n.appendSample(t, id, place.mailbox, body, m) })
}

// appendSample keeps a message in the mailbox of a role, or of a name, which is made if need be.
func (n *Node) appendSample(t *tx.Tx, id mail.AccountID, name string, body *bodies.Body, m mailbox.Message) error {
	into, err := n.rooms.mailbox.ByRole(t, id, mailbox.Role(name))
	if mail.Is(err, mail.NotFound) {
		into, err = n.rooms.mailbox.ByPath(t, id, name)
	}
	if mail.Is(err, mail.NotFound) {
		if into, err = n.rooms.mailbox.Create(t, id, name, ""); err == nil {
			err = n.rooms.mailbox.SetSubscribed(t, id, name, true)
		}
	}
	if err != nil {
		return err
	}
	var held error
	m.Blob, held = n.rooms.bodies.Hold(t, id, body)
	_, err = n.rooms.mailbox.Append(t, id, into.ID, m)
	return errors.Join(held, err)
}
