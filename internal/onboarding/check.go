package onboarding

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/dns"
	"github.com/mailmesh/mailmesh/internal/rfc/mtasts"
)

// Level is how much a finding matters.
type Level string

const (
	Fine    Level = "ok"
	Note    Level = "note"    // worth knowing, nothing is wrong
	Warning Level = "warning" // some mail or some people will have trouble
	Problem Level = "problem" // this does not work
)

// Finding is one thing that was looked at.
type Finding struct {
	Area  string `json:"area"` // what it is about, such as "dns example.org"
	Level Level  `json:"level"`
	Text  string `json:"text"`           // what was seen
	Mend  string `json:"mend,omitempty"` // what to do
}

// Report is all that was found, in the order in which to read it.
type Report struct {
	OK       bool      `json:"ok"` // there is no Problem
	Findings []Finding `json:"findings"`
}

// Door is where the server listens.
type Door struct{ Name, Endpoint string }

// Domain is a domain of the server with the records that it needs.
type Domain struct {
	Name    string
	Records []Record
}

// Source is where the server's certificate comes from.
type Source string

const (
	SelfSigned Source = "self-signed"
	FromFiles  Source = "files"
	Ordered    Source = "ordered"
)

// Resolver is what is asked of the DNS.
type Resolver interface {
	MX(ctx context.Context, domain string) (dns.Answer[dns.MX], error)
	TXT(ctx context.Context, name string) (dns.Answer[string], error)
	TLSA(ctx context.Context, name string) (dns.Answer[dns.TLSA], error)
	PTR(ctx context.Context, addr netip.Addr) (dns.Answer[string], error)
	Addresses(ctx context.Context, host string) (dns.Answer[netip.Addr], error)
}

// Environment is what is looked at.
type Environment struct {
	Hostname    string
	Data        string // folder
	ConfigFile  string // "" for none
	Secrets     bool   // it holds passwords
	Running     bool
	Doors       []Door
	Domains     []Domain
	Policy      mtasts.Policy
	Certificate Source
	Directory   string // of the certificate authority, "" for none
	Smarthost   bool   // mail goes out by way of one

	Resolver Resolver
	Web      *http.Client // for what others serve
	Dial     func(ctx context.Context, network, address string) (net.Conn, error)
	Listen   func(ctx context.Context, endpoint string) error // nil where a port can be opened
	Roots    *x509.CertPool                                   // nil: the system's
	Machine  Machine
	Now      func() time.Time
}

// Machine is what the operating system knows.
type Machine struct {
	Addresses []netip.Addr
	// Synchronized reports whether the clock is kept by somebody; an error means that nobody knows.
	Synchronized func() (bool, error)
	// Disk is how many bytes a folder has room for, and the size of its disk.
	Disk func(folder string) (free, size uint64, err error)
}

// limit bounds how long one part of a check takes.
const limit = 25 * time.Second

// check is one part of it.
type check func(ctx context.Context, e *Environment) []Finding

// Check looks at everything, all at once.
func Check(ctx context.Context, e Environment) Report {
	parts := []check{checkFiles, checkDisk, checkClock, checkDoors, checkHost, checkCertificate, checkAuthority, checkOutgoing, checkValidation}
	for _, d := range e.Domains {
		parts = append(parts, func(ctx context.Context, e *Environment) []Finding { return checkDomain(ctx, e, d) })
	}
	if len(e.Domains) == 0 {
		parts = append(parts, func(context.Context, *Environment) []Finding {
			return []Finding{{"domains", Problem, "the server has no domain", "mailmesh quickstart you@example.org, or mailmesh domain add example.org"}}
		})
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	found := make([][]Finding, len(parts))
	var running sync.WaitGroup
	for i, part := range parts {
		running.Go(func() { found[i] = part(ctx, &e) })
	}
	running.Wait()
	r := Report{OK: true, Findings: slices.Concat(found...)}
	for _, f := range r.Findings {
		r.OK = r.OK && f.Level != Problem
	}
	return r
}

// list makes findings about one area.
type list struct {
	area     string
	findings []Finding
}

func (l *list) add(level Level, mend, format string, args ...any) {
	l.findings = append(l.findings, Finding{l.area, level, fmt.Sprintf(format, args...), mend})
}
