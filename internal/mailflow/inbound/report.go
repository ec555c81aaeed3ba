package inbound

import (
	"bytes"
	"context"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/dsn"
)

// fates are what a sender may have to be told of a message that we accept (RFC 3461 5.2.3, 5.2.7). It is told before it is
// true, and put into the spool by the commit that makes it true.
func fates(e *mail.Envelope, refused []mail.Reply, failures bool) (list []mailflow.Fate) {
	for i, r := range e.Recipients {
		switch {
		case refused[i] != mail.Reply{}:
			if failures {
				list = append(list, mailflow.Fate{Recipient: r, Action: dsn.Failed, Event: mail.Event{Reply: refused[i]}})
			}
		case len(r.Elsewhere) == 0: // in mailboxes, and with groups, mail has arrived
			list = append(list, mailflow.Fate{Recipient: r, Action: dsn.Delivered})
		case r.Targets() > 1:
			list = append(list, mailflow.Fate{Recipient: r, Action: dsn.Expanded})
		} // to one other server the request itself goes on
	}
	return list
}

// makeReports writes what is to be told, if anything is, and puts it on stable storage.
func (in *Inbound) makeReports(ctx context.Context, m *mailflow.Accepted, list []mailflow.Fate) error {
	e := *m.Envelope
	e.Ret = mail.RetHeaders // no more of it is at hand
	g, ok, err := in.reporter.Report(&e, in.o.Now(), list, func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(m.Head)), nil
	})
	if err != nil || !ok {
		return err
	}
	body, err := in.o.Bodies.Put(ctx, bytes.NewReader(g.Content))
	if err != nil {
		return err
	}
	m.Generated = append(m.Generated, mailflow.Stored{Envelope: g.Envelope(m.Envelope.ID), Body: body})
	return nil
}
