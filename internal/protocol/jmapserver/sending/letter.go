package sending

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/submission"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
	"github.com/mailmesh/mailmesh/internal/store/identities"
	"github.com/mailmesh/mailmesh/internal/store/mailbox"
)

// The errors of RFC 8621 6.3 and 7.5.
const (
	forbiddenFrom     method.ErrorType = "forbiddenFrom"
	forbiddenMailFrom method.ErrorType = "forbiddenMailFrom"
	forbiddenToSend   method.ErrorType = "forbiddenToSend"
	invalidEmail      method.ErrorType = "invalidEmail"
	invalidRecipients method.ErrorType = "invalidRecipients"
	noRecipients      method.ErrorType = "noRecipients"
	tooManyRecipients method.ErrorType = "tooManyRecipients"
	cannotUnsend      method.ErrorType = "cannotUnsend"
)

// letter is an email on its way to be sent.
type letter struct {
	identityID, emailID string
	given               *envelope // nil: to be made of the email

	identity identities.Identity
	email    mailbox.Email
	shown    envelope // as EmailSubmission/get shows it
	session  smtp.Session
	envelope mail.Envelope
	raw      message.Envelope
}

// sendError is what a client is told of an error of sending. ok is false for a fault of ours.
func sendError(err error) (e *method.Error, ok bool) {
	var told *method.Error
	if errors.As(err, &told) {
		return told, true
	}
	var r mail.Reply
	if errors.As(err, &r) {
		return replyError(r), true
	}
	switch mail.KindOf(err) {
	case mail.NotFound, mail.Denied, mail.Limit, mail.Invalid, mail.OverQuota, mail.TooLarge:
		return method.ErrorOf(err)
	}
	return nil, false
}

// replyError is a refusal by rule of mailflow/submission, which speaks SMTP.
func replyError(r mail.Reply) *method.Error {
	text := r.Text
	switch r.Enhanced {
	case mail.EnhancedCode{5, 7, 1}:
		return method.Fail(forbiddenFrom, "%s", text)
	case mail.EnhancedCode{5, 7, 13}:
		return method.Fail(forbiddenToSend, "%s", text)
	case mail.EnhancedCode{4, 7, 0}:
		return method.Fail(method.RateLimit, "%s", text)
	case mail.EnhancedCode{5, 3, 4}:
		return method.Fail(method.TooLarge, "%s", text)
	}
	if r.Code >= 500 {
		return method.Fail(invalidEmail, "%s", text)
	}
	return method.Fail(method.ServerUnavailable, "%s", text)
}

// check decides whether an email may be sent, and to whom it goes.
func (w *submitting) check(ctx context.Context, l *letter) error {
	if l.email.Size > w.o.MaxMessage {
		e := method.Fail(method.TooLarge, "an email that is sent has at most %d bytes", w.o.MaxMessage)
		e.More = map[string]any{"maxSize": w.o.MaxMessage}
		return e
	}
	var err error
	if l.raw, err = message.UnmarshalEnvelope(l.email.Summary); err != nil {
		return err
	}
	if wrong := l.invalid(); len(wrong) > 0 {
		e := method.Fail(invalidEmail, "the email lacks what it needs to be sent, or has addresses that are none: %s", strings.Join(wrong, ", "))
		e.Properties = wrong
		return e
	}
	if err := w.content(ctx, l); err != nil {
		return err
	}
	l.shown = l.derived()
	if l.given != nil {
		l.shown = *l.given
	}
	if err := l.address(w); err != nil {
		return err
	}
	return w.recipients(ctx, l)
}

// invalid names the properties of the email that keep it from being sent.
func (l *letter) invalid() (wrong []string) {
	for _, f := range []struct {
		property string
		list     []header.Address
	}{{"from", l.raw.From}, {"sender", l.raw.Sender}, {"replyTo", l.raw.ReplyTo}, {"to", l.raw.To}, {"cc", l.raw.Cc}, {"bcc", l.raw.Bcc}} {
		if slices.ContainsFunc(f.list, func(a header.Address) bool { return a.Kind == header.Mailbox && !valid(a) }) {
			wrong = append(wrong, f.property)
		}
	}
	if len(mailboxes(l.raw.From)) == 0 {
		wrong = append(wrong, "from")
	}
	switch n := len(mailboxes(l.raw.Sender)); { // the addresses of From where the field is missing
	case n == 0 && !slices.Contains(wrong, "from"), // RFC 5322 3.6.2: it is a mailbox, not a group
		n > 1 && l.given == nil: // RFC 8621 7: who of them sends it is not said
		wrong = append(wrong, "sender")
	}
	return wrong
}

func valid(a header.Address) bool {
	_, err := parseAddress(a.Local + "@" + a.Domain)
	if err != nil {
		_, err = parseAddress(mail.Address{Local: a.Local, Domain: a.Domain}.String())
	}
	return err == nil && a.Local != "" && a.Domain != ""
}

func mailboxes(list []header.Address) (out []string) {
	for _, a := range list {
		if a.Kind == header.Mailbox {
			out = append(out, mail.Address{Local: a.Local, Domain: a.Domain}.String())
		}
	}
	return out
}

// derived is the envelope of an email for which the client gave none (RFC 8621 7).
func (l *letter) derived() envelope {
	from := mailboxes(l.raw.Sender)[0] // From where the field is missing
	if !sameAddress(from, l.identity.Email) {
		from = l.identity.Email
	}
	e := envelope{MailFrom: envelopeAddress{Email: from}, RcptTo: []envelopeAddress{}}
	seen := map[string]bool{}
	for _, email := range slices.Concat(mailboxes(l.raw.To), mailboxes(l.raw.Cc), mailboxes(l.raw.Bcc)) {
		if key := strings.ToLower(email); !seen[key] {
			seen[key] = true
			e.RcptTo = append(e.RcptTo, envelopeAddress{Email: email})
		}
	}
	return e
}

// sameAddress compares as the directory does, any detail apart: "ann+list@example.org" is one of Ann's.
func sameAddress(a, b string) bool {
	cut := func(s string) string {
		local, domain, _ := strings.Cut(s, "@")
		local, _, _ = strings.Cut(local, "+")
		return local + "@" + domain
	}
	return strings.EqualFold(cut(a), cut(b))
}

// content looks at what is to be sent: its line ends must be CR LF, and how it travels is said by what it holds.
func (w *submitting) content(ctx context.Context, l *letter) error {
	body, err := w.o.Bodies.Open(ctx, w.account, l.email.Blob)
	if err != nil {
		return err
	}
	look := &looking{}
	_, err = io.Copy(look, reader(body))
	if err := errors.Join(err, body.Close()); err != nil {
		return err
	}
	if look.bare() {
		return method.Fail(invalidEmail, "the message has line ends that are not CR LF, or NUL: such mail cannot travel")
	}
	if l.envelope.Body = mail.Body7Bit; look.high {
		l.envelope.Body = mail.Body8BitMIME
	}
	l.envelope.SMTPUTF8 = look.headHigh
	return nil
}

// looking watches a message pass.
type looking struct {
	ends           smtp.LineEnds
	nul            bool
	high, headHigh bool
	last           [3]byte
	body           bool
}

func (k *looking) Write(p []byte) (int, error) {
	k.ends.Watch(p)
	k.nul = k.nul || bytes.IndexByte(p, 0) >= 0
	for _, c := range p {
		if c >= 0x80 {
			k.high = true
			k.headHigh = k.headHigh || !k.body
		}
		if !k.body {
			k.body = c == '\n' && k.last == [3]byte{'\r', '\n', '\r'}
			k.last = [3]byte{k.last[1], k.last[2], c}
		} else if k.high {
			break
		}
	}
	return len(p), nil
}

func (k *looking) bare() bool { return k.nul || k.ends.Bare(true) }

// sized is a body that is open.
type sized interface {
	io.ReaderAt
	Size() int64
}

func reader(body sized) io.Reader { return io.NewSectionReader(body, 0, body.Size()) }

// address reads the envelope, with the parameters of SMTP.
func (l *letter) address(w *submitting) error {
	if len(l.shown.RcptTo) == 0 {
		return method.Fail(noRecipients, "the email has no recipients")
	}
	if n := len(l.shown.RcptTo); n > submission.MaxTargets {
		return manyRecipients()
	}
	e, err := l.shown.MailFrom.mailFrom(w.o.Now(), l.envelope.SMTPUTF8)
	if err != nil {
		return method.Bad("envelope: mailFrom: "+reason(err), "envelope")
	}
	body, utf8 := l.envelope.Body, l.envelope.SMTPUTF8
	l.envelope = e
	l.envelope.SMTPUTF8 = utf8 || e.SMTPUTF8
	if e.Body == mail.BodyUnstated || body == mail.Body8BitMIME {
		l.envelope.Body = body
	}
	l.envelope.Size = l.email.Size
	return nil
}

func manyRecipients() *method.Error {
	e := method.Fail(tooManyRecipients, "an email has at most %d recipients", submission.MaxTargets)
	e.More = map[string]any{"maxRecipients": submission.MaxTargets}
	return e
}

func reason(err error) string {
	var r mail.Reply
	if errors.As(err, &r) {
		return r.Text
	}
	return mail.Explain(err)
}

// recipients decides on the sender and on each recipient, as the submission port does.
func (w *submitting) recipients(ctx context.Context, l *letter) error {
	l.session = smtp.Session{ID: w.call.User.Session, ESMTP: true, Account: w.account, Login: w.call.User.Login}
	l.envelope.ID = newTrace()
	if err := w.o.Submission.Sender(ctx, l.session, &l.envelope); err != nil {
		refused, ok := sendError(err)
		if ok && refused.Type == forbiddenFrom {
			return method.Fail(forbiddenMailFrom, "%s", refused.Description)
		}
		return err
	}
	var invalid []string
	var why string
	for _, to := range l.shown.RcptTo {
		r, err := to.rcptTo(&l.envelope)
		if err == nil {
			r, err = w.o.Submission.Recipient(ctx, l.session, &l.envelope, r)
		}
		var reply mail.Reply
		switch {
		case err == nil:
			l.envelope.Recipients = append(l.envelope.Recipients, r)
			continue
		case errors.As(err, &reply) && reply.Enhanced == mail.EnhancedCode{4, 5, 3}:
			return manyRecipients()
		case errors.As(err, &reply) && reply.Code < 500, reply.Code == 0 && !notForRecipient(err):
			return err
		}
		invalid = append(invalid, to.Email)
		if why == "" {
			why = to.Email + ": " + reason(err)
		}
	}
	if len(invalid) > 0 {
		e := method.Fail(invalidRecipients, "%s", why)
		e.More = map[string]any{"invalidRecipients": invalid}
		return e
	}
	return nil
}

// notForRecipient reports an error that is about a recipient alone.
func notForRecipient(err error) bool {
	switch mail.KindOf(err) {
	case mail.NotFound, mail.Disabled, mail.OverQuota, mail.Denied, mail.Invalid, mail.TooLarge:
		return true
	}
	return false
}
