package mtasts

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Limits of a policy.
const (
	MaxPolicy  = 64 << 10 // bytes; RFC 8461 3.3 suggests that
	MaxHosts   = 1000
	MaxMaxAge  = 31557600 * time.Second // RFC 8461 3.2
	maxAgeSize = 10                     // digits
)

// Mode is what is to be done with mail for hosts that do not keep to a policy (RFC 8461 5).
type Mode string

const (
	Enforce Mode = "enforce" // it is not to be sent to them
	Testing Mode = "testing" // it is sent, and failures are reported
	None    Mode = "none"    // the domain has no policy any more
)

// Policy is what a domain wants.
type Policy struct {
	Mode   Mode
	Hosts  []string // "mx1.example.org", "*.example.org"; lower case
	MaxAge time.Duration
}

// Matches reports whether a host, in A-labels and lower case, may get the domain's mail. A star stands for one label, the
// leftmost (RFC 8461 4.1).
func (p Policy) Matches(host string) bool {
	_, parent, _ := strings.Cut(host, ".")
	return slices.ContainsFunc(p.Hosts, func(pattern string) bool {
		wild, isWild := strings.CutPrefix(pattern, "*.")
		return pattern == host || isWild && parent == wild
	})
}

// Text is the policy as it is published.
func (p Policy) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "version: STSv1\r\nmode: %s\r\n", p.Mode)
	for _, host := range p.Hosts {
		fmt.Fprintf(&b, "mx: %s\r\n", host)
	}
	fmt.Fprintf(&b, "max_age: %d\r\n", p.MaxAge/time.Second)
	return b.String()
}

// Parse reads a policy (RFC 8461 3.2). Of fields that come twice the first counts, those it does not know count for nothing.
func Parse(text string) (Policy, error) {
	if len(text) > MaxPolicy {
		return Policy{}, fmt.Errorf("the policy has over %d bytes", MaxPolicy)
	}
	first := make(map[string]string)
	var p Policy
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		value = strings.Trim(value, " \t")
		switch {
		case strings.Trim(name, " \t") == "" && !ok:
			continue // an empty line, as some editors leave one at the end
		case !ok:
			return Policy{}, fmt.Errorf("the line %.80q is no field", line)
		case name == "mx":
			if err := p.addHost(value); err != nil {
				return Policy{}, err
			}
		default:
			if _, again := first[name]; !again {
				first[name] = value
			}
		}
	}
	return p, p.take(first)
}

func (p *Policy) addHost(pattern string) error {
	if len(p.Hosts) == MaxHosts {
		return fmt.Errorf("the policy names over %d hosts", MaxHosts)
	}
	host, err := mail.ParseDomain(strings.TrimPrefix(pattern, "*."))
	if err != nil || strings.HasPrefix(host, "[") {
		return fmt.Errorf("mx: %.80q is no host", pattern)
	}
	p.Hosts = append(p.Hosts, pattern[:len(pattern)-len(strings.TrimPrefix(pattern, "*."))]+host)
	return nil
}

// take takes the fields that come once.
func (p *Policy) take(fields map[string]string) error {
	if v := fields["version"]; v != "STSv1" {
		return fmt.Errorf("version: %.80q is not STSv1", v)
	}
	switch p.Mode = Mode(fields["mode"]); p.Mode {
	case Enforce, Testing:
		if len(p.Hosts) == 0 {
			return errors.New("the policy names no mx")
		}
	case None:
	default:
		return fmt.Errorf("mode: %.80q is none of enforce, testing, none", string(p.Mode))
	}
	age := fields["max_age"]
	seconds, err := strconv.ParseUint(age, 10, 64)
	if err != nil || len(age) > maxAgeSize {
		return fmt.Errorf("max_age: %.80q is not a number of seconds", age)
	}
	p.MaxAge = time.Duration(min(seconds, uint64(MaxMaxAge/time.Second))) * time.Second
	return nil
}
