package mtasts

import (
	"errors"
	"fmt"
	"strings"
)

// RecordName is the name under which a domain says that it has a policy.
func RecordName(domain string) string { return "_mta-sts." + domain }

const maxID = 32 // RFC 8461 3.1

// ParseRecord finds the id of the policy in the TXT records of RecordName. The id is "" where there is none: records that do not
// begin as they should count for nothing, and with more than one that does the domain has no policy (RFC 8461 3.1).
func ParseRecord(txt []string) (id string, err error) {
	const version = "v=STSv1"
	var found []string
	for _, record := range txt {
		rest, ok := strings.CutPrefix(record, version)
		if rest = strings.TrimLeft(rest, " \t"); ok && strings.HasPrefix(rest, ";") {
			found = append(found, rest[1:])
		}
	}
	switch {
	case len(found) == 0:
		return "", nil
	case len(found) > 1:
		return "", errors.New("there is more than one record")
	}
	for field := range strings.SplitSeq(found[0], ";") {
		name, value, _ := strings.Cut(strings.Trim(field, " \t"), "=")
		if name != "id" {
			continue
		}
		if value == "" || len(value) > maxID || strings.ContainsFunc(value, notAlphanumeric) {
			return "", fmt.Errorf("id=%.80q is not 1 to %d letters and digits", value, maxID)
		}
		return value, nil
	}
	return "", errors.New("the record has no id")
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}
