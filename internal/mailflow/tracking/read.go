package tracking

import (
	"context"
	"io"
	"strconv"
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/dkim"
	"github.com/mailmesh/mailmesh/internal/rfc/dsn"
	"github.com/mailmesh/mailmesh/internal/rfc/mdn"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

// Read finds what a message from elsewhere reports, before it is accepted. What cannot be read is no report.
func (tr *Tracking) Read(ctx context.Context, m *mailflow.Accepted) {
	tr.read(ctx, m, func(content blob.Reader) bool { return tr.verified(ctx, m, content) })
}

// ReadOwn is Read for what an account here submits, whose field From was checked. Delivery reports are none of its business.
func (tr *Tracking) ReadOwn(ctx context.Context, m *mailflow.Accepted) {
	if m.Summary != nil && mdn.Find(m.Summary.Root) != nil {
		tr.read(ctx, m, func(blob.Reader) bool { return true })
	}
}

func (tr *Tracking) read(ctx context.Context, m *mailflow.Accepted, authentic func(blob.Reader) bool) {
	if m.Summary == nil || m.Body.Size > MaxReport {
		return
	}
	status, receipt := dsn.Find(m.Summary.Root), mdn.Find(m.Summary.Root)
	if status == nil && receipt == nil {
		return
	}
	content, err := tr.o.Bodies.OpenBody(ctx, m.Body)
	if err != nil {
		tr.o.Log.WarnContext(ctx, "tracking: a report cannot be read", "id", m.Envelope.ID, "err", err)
		return
	}
	defer content.Close()
	switch {
	case status != nil:
		m.Returned = tr.delivery(status, content)
	default:
		if m.Returned = displayed(receipt, content, m.Author().Address); m.Returned != nil && !authentic(content) {
			m.Returned = nil
		}
	}
}

// delivery reads a delivery report. Without an envelope id it is about nothing that we know.
func (tr *Tracking) delivery(part *message.Part, content io.ReaderAt) *mailflow.Returned {
	report, err := dsn.ParseStatus(part.Decoded(content))
	if err != nil || report.EnvID == "" {
		return nil
	}
	out := &mailflow.Returned{EnvID: report.EnvID, Ours: strings.EqualFold(report.ReportingMTA, tr.o.Hostname)}
	for _, r := range report.Recipients {
		fate := mailflow.ReturnedFate{Event: eventOf(report, r)}
		// The address that the sender wrote says whom he means, where the last host knows only another.
		if a, ok := (dsn.Address{Type: r.Original.Type, Text: r.Original.Address}).Mail(); ok {
			fate.Addresses = append(fate.Addresses, a)
		}
		if a, ok := r.Final.Mail(); ok {
			fate.Addresses = append(fate.Addresses, a)
		}
		out.Fates = append(out.Fates, fate)
	}
	return out
}

func eventOf(report dsn.Report, r dsn.Recipient) mail.Event {
	e := mail.Event{By: report.ReportingMTA, Reply: mail.Reply{Enhanced: r.Status, Text: r.Diagnostic}}
	if r.RemoteMTA != "" {
		e.By = r.RemoteMTA
	}
	switch r.Action {
	case dsn.Failed:
		e.Kind, e.Reply.Code = mail.EventFailed, 550
		if r.Status[0] == 4 {
			e.Kind = mail.EventExpired
		}
	case dsn.Delayed:
		e.Kind, e.Reply.Code = mail.EventDeferred, 451
	case dsn.Delivered:
		e.Kind, e.Reply.Code = mail.EventDelivered, 250
	default:
		e.Kind, e.Reply.Code = mail.EventRelayed, 250
	}
	// The diagnostic of a host that spoke SMTP is its reply, with the code.
	if code, rest, _ := strings.Cut(r.Diagnostic, " "); len(code) == 3 {
		if n, err := strconv.Atoi(code); err == nil && n/100 == e.Reply.Code/100 {
			e.Reply.Code, e.Reply.Text = n, strings.TrimSpace(strings.TrimPrefix(rest, r.Status.String()))
		}
	}
	return e
}

// displayed reads a receipt that says that a message was displayed.
func displayed(part *message.Part, content io.ReaderAt, from mail.Address) *mailflow.Returned {
	report, err := mdn.ParseFields(part.Decoded(content))
	if err != nil || report.Disposition.Type != mdn.Displayed || report.OriginalMessageID == "" || from.IsNull() {
		return nil
	}
	fate := mailflow.ReturnedFate{Event: mail.Event{Kind: mail.EventDisplayed, By: from.Domain}}
	for _, text := range []string{report.OriginalRecipient, report.FinalRecipient} {
		if a, err := mail.ParseAddress(text); err == nil {
			fate.Addresses = append(fate.Addresses, a)
		}
	}
	return &mailflow.Returned{MessageID: report.OriginalMessageID, From: from, Fates: []mailflow.ReturnedFate{fate}}
}

// verified reports whether who a message says it is from has certainly written it.
func (tr *Tracking) verified(ctx context.Context, m *mailflow.Accepted, content blob.Reader) bool {
	if tr.o.Keys == nil || len(m.Summary.Envelope.From) != 1 {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, VerifyWithin)
	defer cancel()
	signatures, block, err := dkim.Verify(ctx, io.NewSectionReader(content, 0, content.Size()), tr.o.Keys)
	if err != nil {
		return false
	}
	domain := m.Author().Address.Domain
	for _, s := range signatures {
		if s.Result == dkim.Pass && aligned(s.Domain, domain) && s.Covers(block, "From") {
			return true
		}
	}
	return false
}

// aligned reports whether two domains have the same organizational domain (RFC 7489 3.1.1, relaxed).
func aligned(a, b string) bool {
	if a == b {
		return a != ""
	}
	one, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	other, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && one == other
}
