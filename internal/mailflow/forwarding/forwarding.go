package forwarding

import (
	"fmt"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/rfc/srs"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/directory"
	"github.com/mailmesh/mailmesh/internal/store/senders"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// Options are what Forwarding stands on.
type Options struct {
	Directory *directory.Store
	Bodies    *bodies.Store
	Spool     *spool.Store
	Sender    *srs.Rewriter
	Senders   *senders.Store // those too long for Sender
}

// Forwarding is the step.
type Forwarding struct{ o Options }

// New returns the step.
func New(o Options) *Forwarding { return &Forwarding{o} }

func refusal(code, subject, detail int, text string) mail.Reply {
	return mail.Reply{Code: code, Enhanced: mail.EnhancedCode{code / 100, subject, detail}, Text: text}
}

var (
	onlyReports = refusal(550, 7, 1, "this address takes reports of delivery only, which have the reverse-path <>")
	noWayBack   = refusal(550, 1, 1, "this address was not made here, or too long ago")
	circles     = refusal(554, 4, 6, "the message has passed this address before: it goes in circles")
	moved       = refusal(451, 2, 0, "a mailbox has just been moved or removed; send the message again")
)

// Resolve finds whom a recipient stands for, and whether there is room for a message of size bytes; 0: the client did not say. known
// says that it is sure that the mail is from where it says: who sends has signed in.
func (f *Forwarding) Resolve(t *tx.Tx, from mail.Address, known bool, size int64, r mail.Recipient) (mail.Recipient, error) {
	r.Accounts, r.Elsewhere, r.Groups, r.Detail = nil, nil, nil, ""
	var to directory.Resolution
	var err error
	if srs.Is(r.Address) {
		r, to, err = f.wayBack(t, from, r)
	} else {
		r, to, err = f.resolve(t, r.Address, r)
	}
	for _, g := range r.Groups {
		if err == nil {
			err = f.mayPost(t, g, from, known)
		}
	}
	if err != nil || to.Role || len(r.Elsewhere)+len(r.Groups) > 0 {
		return r, err // RFC 5321 4.5.1: postmaster is always reached; and where mail also goes elsewhere, a mailbox that is full does not stop it
	}
	err = f.o.Directory.Room(t, to, max(size, 1))
	if mail.Is(err, mail.NotFound) { // the directory knows it, and its mail lies elsewhere for now
		err = fmt.Errorf("%w: %w", moved, err)
	}
	return r, err
}

func (f *Forwarding) resolve(t *tx.Tx, a mail.Address, r mail.Recipient) (mail.Recipient, directory.Resolution, error) {
	to, err := f.o.Directory.Resolve(t, a)
	if err != nil {
		return r, to, err
	}
	r.Accounts, r.Elsewhere, r.Groups, r.Detail = to.Accounts, to.Elsewhere, to.Groups, to.Detail
	return r, to, nil
}

// wayBack finds whom a report is for that comes to an address of rfc/srs. An address that only looks like one may be somebody's, or
// the catch-all's.
func (f *Forwarding) wayBack(t *tx.Tx, from mail.Address, r mail.Recipient) (out mail.Recipient, to directory.Resolution, err error) {
	sender, forged := f.o.Sender.Reverse(r.Address)
	if forged != nil {
		out, to, err = f.resolve(t, r.Address, r)
		if mail.Is(err, mail.NotFound) && from.IsNull() {
			err = fmt.Errorf("%w: %w", noWayBack, forged)
		} else if mail.Is(err, mail.NotFound) {
			err = onlyReports
		}
		return out, to, err
	}
	if !from.IsNull() {
		return r, to, onlyReports
	}
	if sender.Domain == "" {
		if sender, err = f.o.Senders.Sender(t, sender.Local); mail.Is(err, mail.NotFound) {
			return r, to, fmt.Errorf("%w: %w", noWayBack, err)
		} else if err != nil {
			return r, to, err
		}
	}
	out, to, err = f.resolve(t, sender, r)
	if mail.Is(err, mail.Denied) { // not ours: it goes on
		r.Elsewhere = []mail.Address{sender}
		return r, to, nil
	}
	return out, to, err
}

// What one commit changes is bounded (db.MaxChangedRows): a mailbox costs it some ten rows, a message in the spool six, each of
// its recipients one.
const (
	maxRows        = 1400
	rowsPerAccount = 11
	rowsPerMessage = 6
)

// CheckLimit reports whether one more recipient makes a transaction more than fits into a commit.
func (f *Forwarding) CheckLimit(list []mail.Recipient, one mail.Recipient) error {
	if len(one.Elsewhere)+len(one.Groups) == 0 && !mailflow.NeedsHead(&mail.Envelope{Recipients: list}) {
		return nil // accounts alone are counted by inbound
	}
	n := rows(one) + rowsPerMessage + 1 // and a report
	for _, r := range list {
		n += rows(r)
	}
	if n > maxRows {
		return mail.E("forwarding.CheckLimit", mail.Limit, fmt.Errorf("the transaction is for more mailboxes, and goes on to more addresses, than fit into a commit"))
	}
	return nil
}

func rows(r mail.Recipient) int {
	n := len(r.Accounts) * rowsPerAccount
	if len(r.Elsewhere) > 0 {
		n += rowsPerMessage + len(r.Elsewhere)
	}
	for _, g := range r.Groups {
		n += rowsPerMessage*(1+len(g.Members)/spool.MaxRecipients) + len(g.Members)
	}
	return n
}

// Refuse says by the header which recipients the message cannot go on to: the zero Reply for those to whom it can.
func (f *Forwarding) Refuse(m mailflow.Accepted) []mail.Reply {
	out := make([]mail.Reply, len(m.Envelope.Recipients))
	passed := deliveredTo(m.Head)
	for i, r := range m.Envelope.Recipients {
		if len(r.Elsewhere) > 0 && passed[mark(r.Address)] {
			out[i] = circles
		}
		for _, g := range r.Groups {
			if reply := refusePost(m.Head, g, passed); reply != (mail.Reply{}) {
				out[i] = reply
			}
		}
	}
	return out
}

// deliveredTo are the marks that a message bears.
func deliveredTo(head []byte) map[string]bool {
	passed := make(map[string]bool)
	for field := range header.Fields(head) {
		if strings.EqualFold(string(field.Name), "Delivered-To") {
			if a, err := mail.ParseAddress(strings.Trim(field.Value(), " \t<>")); err == nil {
				passed[mark(a)] = true
			}
		}
	}
	return passed
}

// mark is an address as it is compared: servers on the way may change its case.
func mark(a mail.Address) string { return strings.ToLower(a.String()) }

// Add puts a message that is accepted into the spool, for all it goes on to, and the mail that was made with it. skip are the
// recipients that are refused.
func (f *Forwarding) Add(t *tx.Tx, m mailflow.Accepted, skip func(i int) bool) error {
	sent := make(map[mail.Address]bool) // a group that several addresses lead to gets the mail once
	for i, r := range m.Envelope.Recipients {
		if skip(i) {
			continue
		}
		if len(r.Elsewhere) > 0 {
			e, err := f.envelope(t, m.Envelope, r)
			if err != nil {
				return err
			}
			if err := f.add(t, m, e, deliveredToField(r.Address), m.ReturnPath); err != nil {
				return err
			}
		}
		for _, g := range r.Groups {
			if sent[g.Address] {
				continue
			}
			sent[g.Address] = true
			if err := f.add(t, m, groupEnvelope(m.Envelope, g), groupFields(g), m.ReturnPath); err != nil {
				return err
			}
		}
	}
	for _, g := range m.Generated {
		if err := f.add(t, mailflow.Accepted{Body: g.Body}, g.Envelope, "", 0); err != nil {
			return err
		}
	}
	return nil
}

func deliveredToField(a mail.Address) string { return "Delivered-To: " + a.String() + "\r\n" }

// add writes the rows: as many recipients to a message as the spool takes.
func (f *Forwarding) add(t *tx.Tx, m mailflow.Accepted, e mail.Envelope, trace string, skip int64) error {
	all := e.Recipients
	for len(all) > 0 {
		n := min(len(all), spool.MaxRecipients)
		e.Recipients, all = all[:n], all[n:]
		blob, err := f.o.Bodies.Hold(t, mail.SpoolAccount, m.Body)
		if err != nil {
			return err
		}
		size := m.Body.Size - skip + int64(len(trace))
		if _, err := f.o.Spool.Add(t, spool.Message{Blob: blob, Size: size, Envelope: e, Trace: trace, Skip: skip}); err != nil {
			return err
		}
	}
	return nil
}

// envelope is that of mail to the addresses that a recipient stands for.
func (f *Forwarding) envelope(t *tx.Tx, e *mail.Envelope, r mail.Recipient) (mail.Envelope, error) {
	out := *e
	var err error
	if out.ReversePath, err = f.reversePath(t, e.ReversePath, r.Address.Domain); err != nil {
		return out, err
	}
	out.Recipients = nil
	for _, a := range r.Elsewhere {
		out.Recipients = append(out.Recipients, mail.Recipient{Address: a, Original: original(r), Notify: passedOn(r)})
	}
	return out, nil
}

// reversePath is under what mail goes on that came to an address of a domain here.
func (f *Forwarding) reversePath(t *tx.Tx, from mail.Address, domain string) (mail.Address, error) {
	if from.IsNull() {
		return from, nil
	}
	switch _, err := f.o.Directory.Domain(t, from.Domain); {
	case err == nil: // we send for it anyway
		return from, nil
	case !mail.Is(err, mail.NotFound) && !mail.Is(err, mail.Invalid): // an address literal is no domain's name
		return mail.Address{}, err
	}
	rewritten, err := f.o.Sender.Forward(from, domain)
	if mail.Is(err, mail.TooLarge) || mail.Is(err, mail.Invalid) {
		return f.o.Sender.Short(f.o.Senders.Keep(t, from), domain), nil
	}
	return rewritten, err
}

// original is ORCPT: what the sender gave, or the address that it wrote (RFC 3461 5.2.1 d).
func original(r mail.Recipient) mail.OriginalRecipient {
	switch {
	case r.Original != mail.OriginalRecipient{}:
		return r.Original
	case r.Address.IsASCII():
		return mail.OriginalRecipient{Type: "rfc822", Address: r.Address.String()}
	}
	return mail.OriginalRecipient{Type: "utf-8", Address: r.Address.String()}
}

// passedOn is NOTIFY for those a recipient stands for (RFC 3461 5.2.7.2, 5.2.7.3 c).
func passedOn(r mail.Recipient) mail.Notify {
	if r.Notify&mail.NotifySuccess == 0 || r.Targets() == 1 {
		return r.Notify
	}
	if rest := r.Notify &^ mail.NotifySuccess; rest != 0 {
		return rest
	}
	return mail.NotifyNever
}
