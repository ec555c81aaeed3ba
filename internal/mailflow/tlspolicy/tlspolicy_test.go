package tlspolicy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/mailflow"
	"github.com/mailmesh/mailmesh/internal/rfc/tlsrpt"
	"github.com/mailmesh/mailmesh/internal/store/policies"
	"github.com/mailmesh/mailmesh/internal/store/reports"
	"github.com/mailmesh/mailmesh/internal/store/schema"
	"github.com/mailmesh/mailmesh/internal/store/tx"
	"github.com/mailmesh/mailmesh/test/requirements"
)

// world is what Policies see: DNS, the web and the time.
type world struct {
	*Policies
	t *testing.T

	mu    sync.Mutex
	txt   map[string][]string
	tlsa  map[string]dns.Answer[dns.TLSA]
	down  map[string]bool   // names that nobody answers for
	texts map[string]string // of policies, by domain; none: 404
	asked map[string]int    // names and domains
	later time.Duration     // the time since the start
}

func each(t *testing.T, test func(t *testing.T, w *world)) {
	dbtest.EachWith(t, schema.Files, func(t *testing.T, open dbtest.Open) {
		x, err := tx.New(t.Context(), tx.Options{DB: open()})
		if err != nil {
			t.Fatal(err)
		}
		w := &world{t: t, txt: map[string][]string{}, tlsa: map[string]dns.Answer[dns.TLSA]{}, down: map[string]bool{}, texts: map[string]string{}, asked: map[string]int{}}
		w.Policies = w.node(x)
		test(t, w)
	})
}

// node is one more node of the same server.
func (w *world) node(x *tx.Store) *Policies {
	start := time.Now()
	return New(Options{Tx: x, Policies: policies.New(), Reports: reports.New(), Resolver: w, Client: &http.Client{Transport: w},
		Roots: x509.NewCertPool(), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return start.Add(w.later) }})
}

func (w *world) ask(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[name]++
	if w.down[name] {
		return &dns.Error{Name: name, Reason: dns.Unavailable, Err: errors.New("SERVFAIL")}
	}
	return nil
}

func (w *world) TXT(_ context.Context, name string) (a dns.Answer[string], err error) {
	if err := w.ask(name); err != nil {
		return a, err
	}
	if a.Records = w.txt[name]; a.Records == nil {
		err = &dns.Error{Name: name, Reason: dns.NoName}
	}
	return a, err
}

func (w *world) TLSA(_ context.Context, name string) (dns.Answer[dns.TLSA], error) {
	if err := w.ask(name); err != nil {
		return dns.Answer[dns.TLSA]{}, err
	}
	a, ok := w.tlsa[name]
	if !ok {
		return a, &dns.Error{Name: name, Reason: dns.NoData}
	}
	return a, nil
}

func (w *world) RoundTrip(r *http.Request) (*http.Response, error) {
	domain := strings.TrimPrefix(r.URL.Host, "mta-sts.")
	if err := w.ask("https " + domain); err != nil {
		return nil, err
	}
	text, ok := w.texts[domain]
	if !ok {
		return &http.Response{StatusCode: http.StatusNotFound, Status: "404 Not Found", Body: http.NoBody}, nil
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader(text))}, nil
}

// publish gives a domain a policy.
func (w *world) publish(domain, id, mode string, age time.Duration, hosts ...string) {
	w.txt["_mta-sts."+domain] = []string{"v=STSv1; id=" + id}
	w.texts[domain] = fmt.Sprintf("version: STSv1\nmode: %s\nmax_age: %d\n", mode, age/time.Second)
	for _, host := range hosts {
		w.texts[domain] += "mx: " + host + "\n"
	}
}

// of is the requirement of a host in one line.
func (w *world) of(h mailflow.Host) string {
	w.t.Helper()
	if h.Canonical == "" {
		h.Canonical = h.Name
	}
	r := w.TLS(w.t.Context(), h)
	s := map[mailflow.TLSLevel]string{mailflow.TLSOpportunistic: "opportunistic", mailflow.TLSEncrypted: "encrypted", mailflow.TLSVerified: "verified", mailflow.TLSRefused: "refused"}[r.Level]
	if r.Level == mailflow.TLSRefused {
		s += fmt.Sprint(" ", r.Refusal.Code, " ", r.Refusal.Enhanced)
	} else if r.Verify != nil {
		s += " for " + r.ServerName
	}
	if (r.ID == "") != (r.Level == mailflow.TLSRefused || r.Level == mailflow.TLSOpportunistic && r.Verify == nil) {
		w.t.Errorf("%s has the id %q", s, r.ID)
	}
	return s
}

func host(domain, name string) mailflow.Host { return mailflow.Host{Domain: domain, Name: name} }

func proved(domain, name string) mailflow.Host {
	return mailflow.Host{Domain: domain, Name: name, Named: true, Resolved: true}
}

var key = dns.TLSA{Usage: 3, Selector: 1, Matching: 1, Data: make([]byte, 32)}

func TestDANE(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		secure := dns.Answer[dns.TLSA]{Records: []dns.TLSA{key}, Authentic: true}
		w.tlsa["_25._tcp.mx.dane.example"] = secure
		w.tlsa["_25._tcp.mx.alias.example"] = secure
		w.tlsa["_25._tcp.mx.insecure.example"] = dns.Answer[dns.TLSA]{Records: []dns.TLSA{key}}
		w.tlsa["_25._tcp.mx.unusable.example"] = dns.Answer[dns.TLSA]{Records: []dns.TLSA{{Usage: 1, Selector: 1, Matching: 1, Data: make([]byte, 32)}}, Authentic: true}
		w.down["_25._tcp.mx.bogus.example"] = true
		w.publish("dane.example", "1", "enforce", time.Hour, "other.example")
		alias := proved("alias.example", "mx.alias.example")
		alias.Canonical = "real.alias.example"
		named, resolved, required := proved("dane.example", "mx.dane.example"), proved("dane.example", "mx.dane.example"), proved("unusable.example", "mx.unusable.example")
		named.Named, resolved.Resolved, required.RequireTLS = false, false, true
		for name, tt := range map[string]struct {
			host mailflow.Host
			want string
		}{
			"records, whatever MTA-STS says": {proved("dane.example", "mx.dane.example"), "verified for mx.dane.example"},
			"of the alias itself":            {alias, "verified for mx.alias.example"},
			"not authentic":                  {proved("insecure.example", "mx.insecure.example"), "opportunistic"},
			"none":                           {proved("plain.example", "mx.plain.example"), "opportunistic"},
			"none that is usable":            {proved("unusable.example", "mx.unusable.example"), "encrypted"},
			"none usable, REQUIRETLS":        {required, "verified for mx.unusable.example"},
			"nobody knows":                   {proved("bogus.example", "mx.bogus.example"), "refused 451 4.7.5"},
			"MX not proved":                  {named, "refused 451 4.7.5"}, // then the policy of MTA-STS counts
			"addresses not proved":           {resolved, "refused 451 4.7.5"},
		} {
			if got := w.of(tt.host); got != tt.want {
				t.Errorf("%s: %s, want %s", name, got, tt.want)
			}
		}
		if err := w.TLS(t.Context(), proved("dane.example", "mx.dane.example")).Verify(tls.ConnectionState{}); err == nil {
			t.Error("a host without a certificate is taken for the right one")
		}
	})
}

func TestSTS(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.publish("e.example", "1", "enforce", 30*24*time.Hour, "*.e.example")
		w.publish("t.example", "1", "testing", 30*24*time.Hour, "mx.t.example")
		w.publish("n.example", "1", "none", time.Hour)
		w.txt["_mta-sts.lost.example"] = []string{"v=STSv1; id=1"}
		w.down["_mta-sts.down.example"] = true
		required := host("t.example", "mx.t.example")
		required.RequireTLS = true
		for name, tt := range map[string]struct {
			host mailflow.Host
			want string
		}{
			"enforced":             {host("e.example", "mx.e.example"), "verified for mx.e.example"},
			"enforced, other host": {host("e.example", "mx.other.example"), "refused 451 4.7.5"},
			"testing":              {host("t.example", "mx.t.example"), "opportunistic for mx.t.example"},
			"testing, other host":  {host("t.example", "mx.other.example"), "opportunistic for mx.other.example"},
			"testing, REQUIRETLS":  {required, "verified for mx.t.example"},
			"mode none":            {host("n.example", "mx.n.example"), "opportunistic"},
			"no policy":            {host("x.example", "mx.x.example"), "opportunistic"},
			"no text":              {host("lost.example", "mx.lost.example"), "opportunistic"},
			"no answer":            {host("down.example", "mx.down.example"), "opportunistic"},
			"an address":           {host("[192.0.2.1]", "[192.0.2.1]"), "opportunistic"},
		} {
			if got := w.of(tt.host); got != tt.want {
				t.Errorf("%s: %s, want %s", name, got, tt.want)
			}
		}
		if w.asked["https e.example"] != 1 || w.asked["https x.example"] != 0 {
			t.Errorf("asked %v", w.asked)
		}
	})
}

// REQUIRETLS wants the host's name vouched for and its certificate verified (RFC 8689 4.2.1).
func TestRequireTLS(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		h := host("x.example", "mx.x.example")
		h.RequireTLS = true
		if got := w.of(h); got != "refused 550 5.7.30" {
			t.Error(got)
		}
		h.Named = true
		if got := w.of(h); got != "verified for mx.x.example" {
			t.Error(got)
		}
	})
}

// Who keeps the record, the text or both away does not make a policy forgotten; a new text counts, and an end is an end.
func TestPolicyIsRemembered(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const domain, record = "e.example", "_mta-sts.e.example"
		h := host(domain, "mx.e.example")
		expect := func(what, want string) {
			t.Helper()
			w.later += 2 * freshFor
			if got := w.of(h); got != want {
				t.Errorf("%s: %s, want %s", what, got, want)
			}
		}
		w.publish(domain, "1", "enforce", time.Hour, h.Name)
		expect("at first", "verified for mx.e.example")
		texts := w.asked["https "+domain]
		expect("the same record", "verified for mx.e.example")
		if n := w.asked["https "+domain]; n != texts {
			t.Errorf("the text was asked for %d times", n)
		}
		w.Policies = w.node(w.o.Tx)
		delete(w.txt, record)
		expect("no record, on another node", "verified for mx.e.example")
		w.down[record] = true
		expect("no answer", "verified for mx.e.example")
		w.down[record], w.txt[record] = false, []string{"v=STSv1; id=2"}
		w.down["https "+domain] = true
		expect("a new record, and no text", "verified for mx.e.example")
		expect("and again", "verified for mx.e.example")
		if n := w.asked["https "+domain]; n != texts+1 {
			t.Errorf("a text that cannot be had was asked for %d times within five minutes", n-texts)
		}
		w.down["https "+domain] = false
		w.later += retryAfter
		w.publish(domain, "2", "testing", time.Hour, h.Name)
		expect("a new text", "opportunistic for mx.e.example")
		delete(w.txt, record)
		w.later += time.Hour
		expect("after its end", "opportunistic")
	})
}

// While nobody can tell what is remembered, a host that may be held to a policy gets nothing.
func TestPolicyIsNotKnown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rename := func(from, to string) {
			must(t, w.o.Tx.Write(t.Context(), nil, func(t *tx.Tx) error {
				_, err := t.SQL().Exec(`ALTER TABLE ` + from + ` RENAME TO ` + to)
				return err
			}))
		}
		rename("sts_policy", "elsewhere")
		if got := w.of(host("x.example", "mx.x.example")); got != "refused 451 4.3.0" {
			t.Error(got)
		}
		rename("elsewhere", "sts_policy")
		if got := w.of(host("x.example", "mx.x.example")); got != "opportunistic" {
			t.Error(got)
		}
	})
}

// Policies that end soon are asked for again without mail.
func TestRenew(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.publish("e.example", "1", "enforce", 24*time.Hour, "mx.e.example")
		w.publish("long.example", "1", "enforce", 300*24*time.Hour, "mx.long.example")
		w.of(host("e.example", "mx.e.example"))
		w.of(host("long.example", "mx.long.example"))
		must(t, w.Renew(t.Context()))
		if w.asked["https e.example"] != 1 {
			t.Error("renewed at once")
		}
		must(t, w.o.Tx.Write(t.Context(), nil, func(t *tx.Tx) error {
			_, err := t.SQL().Exec(`UPDATE sts_policy SET tried = tried - $1`, (25 * time.Hour).Milliseconds())
			return err
		}))
		must(t, w.Renew(t.Context()))
		if w.asked["https e.example"] != 2 || w.asked["https long.example"] != 1 {
			t.Errorf("asked %v", w.asked)
		}
	})
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Sessions are counted under the policy they were held to, with the words of RFC 8460.
func TestCounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.publish("e.example", "1", "enforce", time.Hour, "mx.e.example")
		w.txt["_mta-sts.lost.example"] = []string{"v=STSv1; id=1"}
		session := func(domain string, err error) {
			h := host(domain, "mx."+domain)
			w.Record(mailflow.TLSSession{Host: h, Requirement: w.TLS(t.Context(), h), Err: err})
		}
		session("e.example", nil)
		session("e.example", nil)
		session("e.example", x509.HostnameError{Certificate: new(x509.Certificate)})
		session("e.example", &tls.CertificateVerificationError{Err: x509.CertificateInvalidError{Reason: x509.Expired}})
		session("e.example", fmt.Errorf("wrapped: %w", x509.UnknownAuthorityError{}))
		session("e.example", mailflow.ErrNoSTARTTLS)
		session("lost.example", nil)
		session("plain.example", nil)
		w.of(host("e.example", "mx.other.example"))
		must(t, w.Flush(t.Context()))
		must(t, w.Flush(t.Context())) // nothing is counted twice
		got := map[string]int64{}
		must(t, w.o.Tx.Read(t.Context(), func(x *tx.Tx) error {
			clear(got)
			for _, domain := range []string{"e.example", "lost.example", "plain.example"} {
				taken, err := w.o.Reports.Results(x, reports.Day(x.Now()), domain)
				for _, r := range taken {
					result := tlsrpt.ResultType("good")
					if r.Failure != nil {
						result = r.Failure.Result
					}
					got[fmt.Sprint(domain, " ", r.Policy.Type, " ", result)] += r.Sessions
				}
				if err != nil {
					return err
				}
			}
			return nil
		}))
		want := map[string]int64{"e.example sts good": 2, "e.example sts certificate-host-mismatch": 1, "e.example sts certificate-expired": 1,
			"e.example sts certificate-not-trusted": 1, "e.example sts starttls-not-supported": 1, "e.example sts validation-failure": 1,
			"lost.example sts sts-policy-fetch-error": 1, "plain.example no-policy-found good": 1}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("counted %v\nwant %v", got, want)
		}
	})
}

func TestRequirementsAreListed(t *testing.T) {
	requirements.Check(t, "../../..", "policy", []string{"MTA-STS", "DANE", "TLS reporting"})
}
