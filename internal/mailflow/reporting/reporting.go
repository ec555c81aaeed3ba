package reporting

import (
	"bytes"
	"context"
	"fmt"
	"hash/fnv"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/tlsrpt"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/reports"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

const (
	spread = 4 * time.Hour  // over which the reports of a day go out (RFC 8460 4.1)
	giveUp = 48 * time.Hour // after a day's end, where nobody says if reports are wanted
)

// Resolver asks DNS; *dns.Resolver is one.
type Resolver interface {
	TXT(ctx context.Context, name string) (dns.Answer[string], error)
}

// Options are what Reporting stands on.
type Options struct {
	Tx       *tx.Store
	Reports  *reports.Store
	Spool    *spool.Store
	Bodies   *bodies.Store
	Resolver Resolver
	Client   *http.Client

	// Sender names the address that reports come from, which reads answers; ok is false where the server has no domain yet.
	Sender func(ctx context.Context) (from mail.Address, ok bool, err error)
	// Sign returns content with the signature of the domain of from.
	Sign func(ctx context.Context, from mail.Address, content []byte) ([]byte, error)

	Log *slog.Logger
	Now func() time.Time // nil: time.Now
}

// Reporting is the step.
type Reporting struct{ o Options }

// New returns the step.
func New(o Options) *Reporting {
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Reporting{o}
}

// Run sends what is due, and is to be called every few minutes.
func (r *Reporting) Run(ctx context.Context) error {
	from, ok, err := r.o.Sender(ctx)
	if err != nil || !ok {
		return err
	}
	var day time.Time
	var domain string
	for {
		more := false
		err := r.o.Tx.Read(ctx, func(t *tx.Tx) (err error) {
			day, domain, more, err = r.o.Reports.Due(t, day, domain)
			return err
		})
		if err != nil || !more {
			break
		}
		if r.o.Now().Before(day.Add(24*time.Hour + delay(domain))) {
			continue
		}
		if err := r.report(ctx, from, day, domain); err != nil {
			r.o.Log.WarnContext(ctx, "reporting: a report is put off", "domain", domain, "err", err)
		}
	}
	if err != nil {
		return err
	}
	return r.postAll(ctx)
}

// delay is when in the hours after midnight a domain gets its reports.
func delay(domain string) time.Duration {
	h := fnv.New32a()
	h.Write([]byte(domain))
	return time.Duration(h.Sum32()) * time.Second % spread
}

// report sends the report of a day and domain, or drops what it would tell.
func (r *Reporting) report(ctx context.Context, from mail.Address, day time.Time, domain string) error {
	var results []reports.Result
	err := r.o.Tx.Read(ctx, func(t *tx.Tx) (err error) { results, err = r.o.Reports.Results(t, day, domain); return err })
	if err != nil {
		return err
	}
	to, err := r.addresses(ctx, domain)
	if err != nil {
		if r.o.Now().Before(day.Add(24*time.Hour + giveUp)) {
			return err
		}
		to = nil
	}
	letters, posts, err := r.write(ctx, from, day, domain, results, to)
	if err != nil {
		return err
	}
	sent := false
	err = r.o.Tx.Write(ctx, nil, func(t *tx.Tx) error {
		sent, err = r.o.Reports.Remove(t, day, domain)
		if err != nil || !sent {
			return err
		}
		return r.owe(t, letters, posts)
	})
	if err == nil && sent {
		if len(to) > 0 {
			r.o.Log.InfoContext(ctx, "reporting: TLS report", "domain", domain, "day", day.Format(time.DateOnly), "results", len(results), "to", len(to))
		}
		return nil
	}
	for _, l := range letters {
		if err := r.o.Bodies.Discard(context.WithoutCancel(ctx), l.body); err != nil {
			r.o.Log.WarnContext(ctx, "reporting: bytes of a report are left to the collector", "err", err)
		}
	}
	return err
}

// addresses are where a domain wants its reports; none where it wants none.
func (r *Reporting) addresses(ctx context.Context, domain string) ([]*url.URL, error) {
	answer, err := r.o.Resolver.TXT(ctx, tlsrpt.RecordName(domain))
	switch {
	case dns.NotFound(err):
		return nil, nil
	case err != nil:
		return nil, err
	}
	to, err := tlsrpt.ParseRecord(answer.Records)
	if err != nil {
		r.o.Log.DebugContext(ctx, "reporting: a record cannot be understood", "domain", domain, "err", err)
		return nil, nil
	}
	return to, nil
}

// letter is a report by mail whose bytes are stored.
type letter struct {
	from, to mail.Address
	body     *bodies.Body
	size     int64
}

// write makes the report in the forms that it is sent in.
func (r *Reporting) write(ctx context.Context, from mail.Address, day time.Time, domain string, results []reports.Result, to []*url.URL) (letters []letter, posts []reports.Post, err error) {
	report := compose(from, day, domain, results)
	for _, u := range to {
		if u.Scheme == "https" {
			var packed bytes.Buffer
			if err := report.Compress(&packed); err != nil {
				return nil, nil, err
			}
			posts = append(posts, reports.Post{Domain: domain, URL: u.String(), Report: packed.Bytes()})
			continue
		}
		l, err := r.letter(ctx, tlsrpt.Message{Report: report, Domain: domain, Submitter: from.Domain, From: from, Date: r.o.Now()}, u)
		if err != nil {
			return nil, nil, err
		}
		if l.body != nil {
			letters = append(letters, l)
		}
	}
	return letters, posts, nil
}

// letter stores the mail to a mailto URI; without a body when that names nobody.
func (r *Reporting) letter(ctx context.Context, m tlsrpt.Message, u *url.URL) (letter, error) {
	address, err := url.PathUnescape(u.Opaque)
	if err == nil {
		m.To, err = mail.ParseAddress(address)
	}
	if err != nil {
		return letter{}, nil
	}
	content, err := m.Build()
	if err == nil && r.o.Sign != nil {
		content, err = r.o.Sign(ctx, m.From, content)
	}
	if err != nil {
		return letter{}, err
	}
	body, err := r.o.Bodies.Put(ctx, bytes.NewReader(content))
	return letter{m.From, m.To, body, int64(len(content))}, err
}

// compose puts results together, those under one policy in one place.
func compose(from mail.Address, day time.Time, domain string, results []reports.Result) tlsrpt.Report {
	report := tlsrpt.Report{Organization: from.Domain, Contact: from.String(), ID: fmt.Sprintf("%s-%s", day.Format(time.DateOnly), domain),
		Range: tlsrpt.Range{Start: day, End: day.Add(24*time.Hour - time.Second)}}
	at := make(map[string]int)
	for _, result := range results {
		key := fmt.Sprintf("%q", result.Policy)
		i, ok := at[key]
		if !ok {
			i = len(report.Policies)
			at[key] = i
			report.Policies = append(report.Policies, tlsrpt.Policy{Policy: result.Policy})
		}
		p := &report.Policies[i]
		if result.Failure == nil {
			p.Summary.Successful += result.Sessions
			continue
		}
		p.Summary.Failed += result.Sessions
		failure := *result.Failure
		failure.Sessions = result.Sessions
		p.Failures = append(p.Failures, failure)
	}
	return report
}

// owe adds what was written to what is to be sent, in the commit that removes the results.
func (r *Reporting) owe(t *tx.Tx, letters []letter, posts []reports.Post) error {
	for _, l := range letters {
		blob, err := r.o.Bodies.Hold(t, mail.SpoolAccount, l.body)
		if err != nil {
			return err
		}
		envelope := mail.Envelope{ID: "tlsrpt", ReversePath: l.from, Size: l.size, Body: mail.Body7Bit,
			Recipients: []mail.Recipient{{Address: l.to, Notify: mail.NotifyNever}}} // nobody wants to hear that a report was not wanted
		if _, err := r.o.Spool.Add(t, spool.Message{Blob: blob, Size: l.size, Envelope: envelope}); err != nil {
			return err
		}
	}
	for _, p := range posts {
		if err := r.o.Reports.Owe(t, p); err != nil {
			return err
		}
	}
	return nil
}
