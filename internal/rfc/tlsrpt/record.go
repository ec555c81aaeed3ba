package tlsrpt

import (
	"errors"
	"net/url"
	"strings"
)

// MaxAddresses is how many of a domain's addresses get a report.
const MaxAddresses = 5

// RecordName is the name of a domain's record.
func RecordName(domain string) string { return "_smtp._tls." + domain }

// ParseRecord returns the addresses of the TXT records of RecordName: mailto and https URIs; others are left out (RFC 8460 3).
// There are none where no record begins as it should. With more than one that does the domain wants no reports.
func ParseRecord(txt []string) ([]*url.URL, error) {
	const version = "v=TLSRPTv1"
	var found []string
	for _, record := range txt {
		rest, ok := strings.CutPrefix(record, version)
		if rest = strings.TrimLeft(rest, " \t"); ok && strings.HasPrefix(rest, ";") {
			found = append(found, rest[1:])
		}
	}
	switch {
	case len(found) == 0:
		return nil, nil
	case len(found) > 1:
		return nil, errors.New("there is more than one record")
	}
	var out []*url.URL
	for field := range strings.SplitSeq(found[0], ";") {
		value, ok := strings.CutPrefix(strings.Trim(field, " \t"), "rua=")
		if !ok {
			continue
		}
		for address := range strings.SplitSeq(value, ",") { // a comma within is %2C
			if u := reportAddress(strings.Trim(address, " \t")); u != nil && len(out) < MaxAddresses {
				out = append(out, u)
			}
		}
	}
	if len(out) == 0 {
		return nil, errors.New("the record names no address that reports can be sent to")
	}
	return out, nil
}

func reportAddress(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil || u.Scheme == "mailto" && u.Opaque == "" || u.Scheme == "https" && u.Host == "" {
		return nil
	}
	if u.Scheme != "mailto" && u.Scheme != "https" {
		return nil
	}
	return u
}
