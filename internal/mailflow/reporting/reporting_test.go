package reporting

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"mime"
	"mime/multipart"
	"net/http"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"encoding/base64"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/mailflow/mailflowtest"
	"github.com/mailmesh/mailmesh/internal/rfc/tlsrpt"
	"github.com/mailmesh/mailmesh/internal/store/reports"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/spool"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// world is a server with results of yesterday, and what it sees of others.
type world struct {
	*Reporting
	t       *testing.T
	rooms   *mailflowtest.Rooms
	records map[string]string // by domain
	down    map[string]bool
	posted  [][]byte
	status  int // of answers to posts
	later   time.Duration
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		w := &world{t: t, rooms: mailflowtest.New(t, open(), mailflowtest.Options{}), records: map[string]string{}, down: map[string]bool{}, status: http.StatusCreated, later: spread}
		w.Reporting = New(Options{Tx: w.rooms.Tx, Reports: reports.New(), Spool: spool.New(spool.Options{}), Bodies: w.rooms.Bodies, Resolver: w, Client: &http.Client{Transport: w},
			Sender: func(context.Context) (mail.Address, bool, error) {
				return mailflowtest.Address("postmaster@example.org"), true, nil
			},
			Sign: func(_ context.Context, from mail.Address, content []byte) ([]byte, error) {
				return append([]byte("DKIM-Signature: d="+from.Domain+"\r\n"), content...), nil
			},
			Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return reports.Day(time.Now()).Add(w.later) }})
		w.rooms.Must(w.rooms.Provision.Bootstrap(t.Context()))
		test(t, w)
	})
}

func (w *world) TXT(_ context.Context, name string) (a dns.Answer[string], err error) {
	domain := strings.TrimPrefix(name, "_smtp._tls.")
	switch record, ok := w.records[domain]; {
	case w.down[domain]:
		return a, &dns.Error{Name: name, Reason: dns.Unavailable}
	case !ok:
		return a, &dns.Error{Name: name, Reason: dns.NoName}
	default:
		a.Records = []string{record}
		return a, nil
	}
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	report, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("Content-Type") != "application/tlsrpt+gzip" {
		return nil, errors.Join(err, errors.New("not a report"))
	}
	w.posted = append(w.posted, report)
	return &http.Response{StatusCode: w.status, Status: http.StatusText(w.status), Body: http.NoBody}, nil
}

// seen counts results and lets a day go by.
func (w *world) seen(domains ...string) {
	w.t.Helper()
	w.rooms.Must(w.o.Tx.Write(w.t.Context(), nil, func(t *tx.Tx) error {
		var results []reports.Result
		for _, domain := range domains {
			sts := tlsrpt.Applied{Type: tlsrpt.STS, Domain: domain, Hosts: []string{"*." + domain}}
			results = append(results, reports.Result{Domain: domain, Policy: sts, Sessions: 7},
				reports.Result{Domain: domain, Policy: sts, Failure: &tlsrpt.Failure{Result: tlsrpt.Expired, Host: "mx." + domain}, Sessions: 2},
				reports.Result{Domain: domain, Policy: tlsrpt.Applied{Type: tlsrpt.NoPolicy, Domain: domain}, Sessions: 1})
		}
		if err := w.o.Reports.Count(t, results); err != nil {
			return err
		}
		_, err := t.SQL().Exec(`UPDATE tls_result SET day = day - $1 WHERE day = $2`, (24 * time.Hour).Milliseconds(), reports.Day(t.Now()))
		return err
	}))
}

func (w *world) run() {
	w.t.Helper()
	w.rooms.Must(w.Run(w.t.Context()))
}

// spooled returns the mail in the spool, content by recipient.
func (w *world) spooled() map[string]string {
	w.t.Helper()
	out := map[string]string{}
	var found []spool.Message
	w.rooms.Must(w.o.Tx.Read(w.t.Context(), func(t *tx.Tx) error {
		ids, err := w.o.Spool.Messages(t, 0, 0)
		found = nil
		for _, id := range ids {
			m, err := w.o.Spool.Message(t, id)
			if err != nil {
				return err
			}
			found = append(found, m)
		}
		return err
	}))
	for _, m := range found {
		body, err := w.rooms.Bodies.Open(w.t.Context(), mail.SpoolAccount, m.Blob)
		w.rooms.Must(err)
		content, err := io.ReadAll(m.Content(body))
		w.rooms.Must(err)
		body.Close()
		out[m.Envelope.Recipients[0].Address.String()] = string(content)
		if m.Envelope.Recipients[0].Notify != mail.NotifyNever {
			w.t.Error("a report about a report would come back")
		}
	}
	return out
}

// attached reads the report in a mail as a mail program does.
func attached(t *testing.T, content string) tlsrpt.Report {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	kind, parameters, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/report" || parameters["report-type"] != "tlsrpt" {
		t.Fatalf("%s, %v, %v", kind, parameters, err)
	}
	parts := multipart.NewReader(m.Body, parameters["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal("no report: ", err)
		}
		if part.Header.Get("Content-Type") != "application/tlsrpt+gzip" {
			continue
		}
		if !strings.HasSuffix(part.FileName(), ".json.gz") {
			t.Errorf("the file is called %q", part.FileName())
		}
		report, err := tlsrpt.Read(base64.NewDecoder(base64.StdEncoding, part))
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
}

func check(t *testing.T, r tlsrpt.Report) {
	t.Helper()
	if len(r.Policies) != 2 || r.Contact != "postmaster@example.org" || r.Range.End.Sub(r.Range.Start) != 24*time.Hour-time.Second {
		t.Fatalf("the report is %+v", r)
	}
	for _, p := range r.Policies {
		if p.Policy.Type == tlsrpt.STS && (p.Summary != (tlsrpt.Summary{Successful: 7, Failed: 2}) || len(p.Failures) != 1 || p.Failures[0].Sessions != 2) {
			t.Errorf("the policy is %+v", p)
		}
	}
}

func TestReports(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.records["mail.example"] = "v=TLSRPTv1; rua=mailto:tls@reports.example"
		w.records["web.example"] = "v=TLSRPTv1; rua=https://web.example/tls"
		w.records["odd.example"] = "v=TLSRPTv1; rua=gopher:x"
		w.down["down.example"] = true
		w.seen("mail.example", "web.example", "odd.example", "none.example", "down.example")
		w.run()
		w.run()
		mails := w.spooled()
		content := mails["tls@reports.example"]
		if len(mails) != 1 || !strings.HasPrefix(content, "DKIM-Signature: d=example.org\r\n") || !strings.Contains(content, "\r\nTLS-Report-Domain: mail.example\r\n") ||
			!strings.Contains(content, "\r\nTLS-Required: No\r\n") {
			t.Fatalf("in the spool are %q", mails)
		}
		check(t, attached(t, content))
		if len(w.posted) != 1 {
			t.Fatalf("%d reports were posted", len(w.posted))
		}
		posted, err := tlsrpt.Read(bytes.NewReader(w.posted[0]))
		w.rooms.Must(err)
		check(t, posted)
		if n := w.left(); n != 1 {
			t.Errorf("%d domains are left, want that of which nobody knows what it wants", n)
		}
		w.down["down.example"], w.records["down.example"] = false, "v=TLSRPTv1; rua=mailto:late@down.example"
		w.run()
		if mails := w.spooled(); len(mails) != 2 || w.left() != 0 {
			t.Errorf("in the spool are %q", mails)
		}
	})
}

// left is how many domains there is something to tell.
func (w *world) left() (n int) {
	w.rooms.Must(w.o.Tx.Read(w.t.Context(), func(t *tx.Tx) error {
		var day time.Time
		n = 0
		for domain := ""; ; n++ {
			var ok bool
			var err error
			if day, domain, ok, err = w.o.Reports.Due(t, day, domain); err != nil || !ok {
				return err
			}
		}
	}))
	return n
}

// Nothing is sent before its hour, nor without a domain to send from.
func TestNotYet(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.records["mail.example"] = "v=TLSRPTv1; rua=mailto:tls@reports.example"
		w.seen("mail.example")
		w.later = delay("mail.example") - time.Second
		w.run()
		if len(w.spooled()) != 0 {
			t.Error("sent before its time")
		}
		w.later = spread
		sender := w.o.Sender
		w.o.Sender = func(context.Context) (mail.Address, bool, error) { return mail.Address{}, false, nil }
		w.run()
		if len(w.spooled()) != 0 || w.left() != 1 {
			t.Error("sent without a sender")
		}
		w.o.Sender = sender
		w.run()
		if len(w.spooled()) != 1 {
			t.Error("not sent")
		}
	})
}

// What cannot be posted is tried again after its pause, and dropped in the end.
func TestPostIsTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.records["web.example"] = "v=TLSRPTv1; rua=https://web.example/tls"
		w.seen("web.example")
		w.status = http.StatusServiceUnavailable
		for range maxAttempts + 2 {
			w.run()
			w.rooms.Must(w.o.Tx.Write(t.Context(), nil, func(t *tx.Tx) error {
				_, err := t.SQL().Exec(`UPDATE tls_post SET due = 0`)
				return err
			}))
		}
		if len(w.posted) != maxAttempts {
			t.Errorf("tried %d times", len(w.posted))
		}
	})
}

// A report whose commit fails is not lost, and leaves no bytes.
func TestCommitFails(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.records["mail.example"] = "v=TLSRPTv1; rua=mailto:tls@reports.example"
		w.seen("mail.example")
		w.rooms.Blobs.Fail = func(string) error { return errors.New("on purpose") }
		w.run()
		w.rooms.Blobs.Fail = nil
		if len(w.spooled()) != 0 || w.left() != 1 {
			t.Error("lost")
		}
		w.run()
		if len(w.spooled()) != 1 || w.left() != 0 {
			t.Error("not sent")
		}
	})
}
