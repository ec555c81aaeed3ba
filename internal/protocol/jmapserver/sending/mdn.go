package sending

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// mdnAlreadySent is RFC 9007's error.
const mdnAlreadySent method.ErrorType = "mdnAlreadySent"

// maxReceipts bounds a call of MDN/send and of MDN/parse.
const maxReceipts = 50

// mdnObject is an MDN (RFC 9007 2).
type mdnObject struct {
	ForEmailID             *string            `json:"forEmailId"`
	Subject                *string            `json:"subject"`
	TextBody               *string            `json:"textBody"`
	IncludeOriginalMessage *bool              `json:"includeOriginalMessage"`
	ReportingUA            *string            `json:"reportingUA"`
	Disposition            *mdnDisposition    `json:"disposition"`
	MDNGateway             *string            `json:"mdnGateway"`
	OriginalRecipient      *string            `json:"originalRecipient"`
	FinalRecipient         *string            `json:"finalRecipient"`
	OriginalMessageID      *string            `json:"originalMessageId"`
	Error                  *[]string          `json:"error"`
	ExtensionFields        *map[string]string `json:"extensionFields"`
}

type mdnDisposition struct {
	ActionMode  string `json:"actionMode"`
	SendingMode string `json:"sendingMode"`
	Type        string `json:"type"`
}

type mdnSendArgs struct {
	AccountID            string                            `json:"accountId"`
	IdentityID           string                            `json:"identityId"`
	Send                 map[string]ijson.Value            `json:"send"`
	OnSuccessUpdateEmail map[string]map[string]ijson.Value `json:"onSuccessUpdateEmail"`
}

// mdnSending is one MDN/send.
type mdnSending struct {
	*Sending
	call     *method.Call
	account  mail.AccountID
	identity identities.Identity
}

// sendMDN is MDN/send (RFC 9007 2.1).
func (s *Sending) sendMDN(ctx context.Context, c *method.Call) (any, error) {
	var args mdnSendArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if !c.Uses(mailCapability) {
		return nil, method.Fail(method.UnknownMethod, "MDN/send needs %s in \"using\", too", mailCapability)
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	if len(args.Send) > maxReceipts {
		return nil, method.Fail(method.RequestTooLarge, "a call sends at most %d receipts", maxReceipts)
	}
	for key := range args.Send {
		if !setsSent(args.OnSuccessUpdateEmail["#"+key]) { // RFC 9007 2.1: else it is rejected
			return nil, method.Fail(method.InvalidArguments, "onSuccessUpdateEmail must set the keyword $mdnsent for #%.80s", key)
		}
	}
	all, _, err := s.identitiesOf(ctx, account)
	if err != nil {
		return nil, err
	}
	id, _ := c.Resolve(args.IdentityID)
	at := slices.IndexFunc(all, func(i identities.Identity) bool { return i.ID.String() == id })
	if at < 0 {
		return nil, method.Fail(method.InvalidArguments, "there is no identity %.40q", args.IdentityID)
	}
	w := &mdnSending{Sending: s, call: c, account: account, identity: all[at]}
	return w.all(ctx, args)
}

// setsSent reports whether a patch of an email sets $mdnsent.
func setsSent(patch map[string]ijson.Value) bool {
	if v, is := patch["keywords/$mdnsent"]; is {
		return string(v) == "true"
	}
	var keywords map[string]bool
	return patch["keywords"] != nil && ijson.Strict(patch["keywords"], &keywords) == nil && keywords["$mdnsent"]
}

func (w *mdnSending) all(ctx context.Context, args mdnSendArgs) (any, error) {
	sent, notSent := map[string]map[string]any{}, map[string]*method.Error{}
	update := map[string]map[string]ijson.Value{}
	for _, key := range slices.Sorted(maps.Keys(args.Send)) {
		r, err := w.one(ctx, args.Send[key])
		if refused, ok := sendError(err); err != nil && ok {
			notSent[key] = refused
			continue
		}
		if err != nil {
			return nil, err
		}
		sent[key] = r.told()
		update[r.email.ID.String()] = args.OnSuccessUpdateEmail["#"+key]
	}
	if len(update) > 0 {
		w.call.Follow("Email/set", map[string]any{"accountId": args.AccountID, "update": update})
	}
	r := map[string]any{"accountId": args.AccountID, "sent": nil, "notSent": nil}
	if len(sent) > 0 {
		r["sent"] = sent
	}
	if len(notSent) > 0 {
		r["notSent"] = notSent
	}
	return r, nil
}

// one sends a receipt.
func (w *mdnSending) one(ctx context.Context, object ijson.Value) (*receipt, error) {
	r := &receipt{}
	if err := r.read(object); err != nil {
		return nil, err
	}
	name, known := w.call.Resolve(*r.given.ForEmailID)
	id, err := mail.ParseEmailID(name)
	if !known || err != nil {
		return nil, noSuchEmail()
	}
	if err := w.load(ctx, r, id); err != nil {
		return nil, err
	}
	content, err := w.build(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := w.mark(ctx, id, true); err != nil {
		return nil, err
	}
	if err := w.submit(ctx, r, content); err != nil {
		return nil, errors.Join(err, w.mark(context.WithoutCancel(ctx), id, false))
	}
	return r, nil
}

func noSuchEmail() *method.Error {
	return method.Fail(method.NotFound, "there is no such email, or it asks for no receipt")
}

// load reads the email, and where its receipt is to go.
func (w *mdnSending) load(ctx context.Context, r *receipt, id mail.EmailID) error {
	err := w.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
		list, err := w.o.Mailbox.Memberships(t, w.account, id)
		if err != nil {
			return err
		}
		at := slices.IndexFunc(list, func(m mailbox.Membership) bool { return m.Flags.Bits&mail.Deleted == 0 })
		if at < 0 {
			return noSuchEmail()
		}
		if list[at].Flags.Bits&mail.MDNSent != 0 {
			return method.Fail(mdnAlreadySent, "the email has the keyword $mdnsent")
		}
		if r.email, err = w.o.Mailbox.Email(t, w.account, id); err != nil {
			return err
		}
		return w.finalRecipient(t, r)
	})
	if err != nil {
		return err
	}
	body, err := w.o.Bodies.Open(ctx, w.account, r.email.Blob)
	if err != nil {
		return err
	}
	head, err := io.ReadAll(io.LimitReader(reader(body), maxReceiptHeader))
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	return r.about(head)
}

// maxReceiptHeader is how much of a message is looked at for what its receipt needs.
const maxReceiptHeader = 512 << 10

// finalRecipient is the identity's address, or one that the client names and the account has (RFC 9007 5).
func (w *mdnSending) finalRecipient(t *tx.Tx, r *receipt) error {
	if r.given.FinalRecipient == nil {
		r.n.FinalRecipient = "rfc822; " + w.identity.Email
		return nil
	}
	r.n.FinalRecipient = *r.given.FinalRecipient
	kind, address, typed := strings.Cut(r.n.FinalRecipient, ";")
	if !typed {
		kind, address = "rfc822", r.n.FinalRecipient
		r.n.FinalRecipient = "rfc822; " + address
	}
	a, err := parseAddress(strings.TrimSpace(address))
	own := false
	if kind = strings.ToLower(strings.TrimSpace(kind)); err == nil && (kind == "rfc822" || kind == "utf-8") {
		if own, err = w.o.Directory.SendsAs(t, w.account, a); err != nil {
			return err
		}
	}
	if !own {
		return method.Fail(forbiddenFrom, "finalRecipient: %.100q is no address of the account", r.n.FinalRecipient)
	}
	return nil
}

// mark sets $mdnsent before the receipt is sent, so that two devices send one, and takes it off where it could not be.
func (w *mdnSending) mark(ctx context.Context, id mail.EmailID, sent bool) error {
	change := mailbox.EmailChange{Email: id, Remove: mail.Flags{Bits: mail.MDNSent}}
	if sent {
		change.Remove, change.Add = change.Add, change.Remove
	}
	refused, err := tx.Once(ctx, w.o.Tx, tx.NewKey(), []mail.AccountID{w.account}, func(t *tx.Tx) (*method.Error, error) {
		list, err := w.o.Mailbox.Memberships(t, w.account, id)
		if err != nil {
			return nil, err
		}
		if sent && slices.ContainsFunc(list, func(m mailbox.Membership) bool { return m.Flags.Bits&mail.MDNSent != 0 }) {
			return method.Fail(mdnAlreadySent, "the email has the keyword $mdnsent"), nil
		}
		out, err := w.o.Mailbox.As(w.account).ChangeEmails(t, w.account, []mailbox.EmailChange{change})
		if err == nil && out.Refused[0] != nil {
			return noSuchEmail(), nil
		}
		return nil, err
	})
	if err == nil && refused != nil {
		return refused
	}
	return err
}

// submit sends the receipt under a null reverse-path (RFC 8098 3).
func (w *mdnSending) submit(ctx context.Context, r *receipt, content []byte) error {
	e := mail.Envelope{ID: newTrace(), Body: mail.Body7Bit, Size: int64(len(content))}
	look := &looking{}
	look.Write(content)
	if e.SMTPUTF8 = look.headHigh; look.high {
		e.Body = mail.Body8BitMIME
	}
	session := smtp.Session{ID: w.call.User.Session, ESMTP: true, Account: w.account, Login: w.call.User.Login}
	if err := w.o.Submission.Sender(ctx, session, &e); err != nil {
		return err
	}
	for _, a := range r.to {
		e.SMTPUTF8 = e.SMTPUTF8 || !a.IsASCII()
		known, err := w.o.Submission.Recipient(ctx, session, &e, mail.Recipient{Address: a, Notify: mail.NotifyNever})
		if err != nil {
			return err
		}
		e.Recipients = append(e.Recipients, known)
	}
	_, err := w.o.Submission.Submit(ctx, session, &e, bytes.NewReader(content), submission.Kept{NoCopy: true})
	return err
}
