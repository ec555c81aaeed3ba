package tlsrpt

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"time"
)

// Report is what one organisation has seen of a domain's hosts in one day (RFC 8460 4.4).
type Report struct {
	Organization string   `json:"organization-name"`
	Range        Range    `json:"date-range"`
	Contact      string   `json:"contact-info"`
	ID           string   `json:"report-id"`
	Policies     []Policy `json:"policies"`
}

// Range is the time that a report is about, a day from midnight to midnight UTC (RFC 8460 4.1).
type Range struct {
	Start time.Time `json:"start-datetime"`
	End   time.Time `json:"end-datetime"`
}

// Policy is how sessions went under one policy.
type Policy struct {
	Policy   Applied   `json:"policy"`
	Summary  Summary   `json:"summary"`
	Failures []Failure `json:"failure-details,omitempty"`
}

// PolicyType is the kind of a policy. The values are stored.
type PolicyType string

const (
	TLSA     PolicyType = "tlsa"            // DANE
	STS      PolicyType = "sts"             // MTA-STS
	NoPolicy PolicyType = "no-policy-found" // TLS where it is offered
)

// Applied is the policy that sessions were held under.
type Applied struct {
	Type   PolicyType `json:"policy-type"`
	String []string   `json:"policy-string,omitempty"` // the lines of an MTA-STS policy, or the TLSA records
	Domain string     `json:"policy-domain"`           // the recipients' domain, for DANE the TLSA base domain
	Hosts  []string   `json:"mx-host,omitempty"`       // patterns of an MTA-STS policy
}

// Summary counts sessions.
type Summary struct {
	Successful int64 `json:"total-successful-session-count"`
	Failed     int64 `json:"total-failure-session-count"`
}

// ResultType is why a session failed (RFC 8460 4.3). The values are stored.
type ResultType string

const (
	NoSTARTTLS          ResultType = "starttls-not-supported"
	WrongName           ResultType = "certificate-host-mismatch"
	Expired             ResultType = "certificate-expired"
	NotTrusted          ResultType = "certificate-not-trusted"
	ValidationFailure   ResultType = "validation-failure" // none of the others
	TLSAInvalid         ResultType = "tlsa-invalid"
	DNSSECInvalid       ResultType = "dnssec-invalid"
	DANERequired        ResultType = "dane-required"
	PolicyFetchFailed   ResultType = "sts-policy-fetch-error"
	PolicyInvalid       ResultType = "sts-policy-invalid"
	PolicyWebPKIInvalid ResultType = "sts-webpki-invalid"
)

// Failure is a kind of failed sessions with one host.
type Failure struct {
	Result      ResultType `json:"result-type"`
	SendingIP   string     `json:"sending-mta-ip,omitempty"`
	Host        string     `json:"receiving-mx-hostname,omitempty"`
	ReceivingIP string     `json:"receiving-ip,omitempty"`
	Sessions    int64      `json:"failed-session-count"`
	Reason      string     `json:"failure-reason-code,omitempty"`
}

// Compress writes a report as it is sent: JSON in gzip (RFC 8460 4.2).
func (r Report) Compress(w io.Writer) error {
	z := gzip.NewWriter(w)
	if err := json.NewEncoder(z).Encode(r); err != nil {
		return err
	}
	return z.Close()
}

// MaxReport is the size of the largest report that Read takes, in bytes of JSON.
const MaxReport = 10 << 20

// Read reads what Compress wrote, or others did.
func Read(from io.Reader) (r Report, err error) {
	z, err := gzip.NewReader(from)
	if err != nil {
		return Report{}, fmt.Errorf("not in gzip: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(z, MaxReport+1))
	switch {
	case err != nil:
		return Report{}, err
	case len(text) > MaxReport:
		return Report{}, fmt.Errorf("the report has over %d bytes", MaxReport)
	}
	return r, json.Unmarshal(text, &r)
}

// Filename is the name of a report's file (RFC 8460 5.1).
func (r Report) Filename(sender, domain string) string {
	return fmt.Sprintf("%s!%s!%d!%d.json.gz", sender, domain, r.Range.Start.Unix(), r.Range.End.Unix())
}
