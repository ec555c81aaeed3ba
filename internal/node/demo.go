package node

import (
	"bytes"
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/provision"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

// DemoAccount is an account of the demo. Its password is no secret: the demo listens on this machine only.
type DemoAccount struct {
	Address  string `json:"address"`
	Password string `json:"password"`
}

const demoDomain = "demo.example"

var demoAccounts = []DemoAccount{
	{"alice@" + demoDomain, "demo-of-alice"},
	{"bob@" + demoDomain, "demo-of-bob"},
}

//go:embed demo/*.eml
var demoMail embed.FS

// Demo makes the demo's domain and accounts where they are missing, and sends the first account its sample messages, by
// the way that all mail takes. It is called before Serve, and has browsers of this machine served over HTTP, too.
func (n *Node) Demo(ctx context.Context) ([]DemoAccount, error) {
	n.demo = true
	if _, err := n.rooms.provision.AddDomain(ctx, demoDomain); err != nil && !mail.Is(err, mail.Exists) {
		return nil, err
	}
	for i, a := range demoAccounts {
		address, err := mail.ParseAddress(a.Address)
		if err != nil {
			return nil, err
		}
		_, err = n.rooms.provision.AddAccount(ctx, provision.Request{Address: address, Password: a.Password})
		switch {
		case mail.Is(err, mail.Exists):
			continue
		case err != nil:
			return nil, err
		}
		if i == 0 {
			if err := n.sendDemoMail(ctx, address); err != nil {
				return nil, err
			}
		}
	}
	return demoAccounts, nil
}

func (n *Node) sendDemoMail(ctx context.Context, to mail.Address) error {
	files, err := fs.Glob(demoMail, "demo/*.eml")
	if err != nil {
		return err
	}
	step := n.rooms.newInbound(n.cfg.Hostname, slog.New(slog.DiscardHandler)) // the newcomer's log begins with his own mail
	session := smtp.Session{ID: "demo", Hello: "localhost", LMTP: true, Remote: netip.MustParseAddrPort("127.0.0.1:1")}
	for i, name := range files {
		text, err := demoMail.ReadFile(name)
		if err != nil {
			return err
		}
		envelope := &mail.Envelope{ID: fmt.Sprintf("demo%d", i+1), ReversePath: mail.Address{Local: "postmaster", Domain: demoDomain}, Size: int64(len(text))}
		recipient, err := step.Recipient(ctx, session, envelope, mail.Recipient{Address: to})
		if err != nil {
			return err
		}
		envelope.Recipients = append(envelope.Recipients, recipient)
		if _, err := step.Receive(ctx, session, envelope, bytes.NewReader(text)); err != nil {
			return err
		}
	}
	return nil
}
