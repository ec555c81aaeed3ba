package onboarding

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// soon is when a certificate that nobody has renewed yet is worth a word.
const soon = 14 * 24 * time.Hour

const orderOne = `let the server order one: [acme] directory = "https://acme-v02.api.letsencrypt.org/directory"`

// checkCertificate looks at what a running server shows, as a mail program does.
func checkCertificate(ctx context.Context, e *Environment) []Finding {
	l := list{area: "certificate"}
	if !e.Running {
		return nil
	}
	chain, err := shownChain(ctx, e)
	if err != nil || chain == nil {
		return nil // checkDoors says so
	}
	leaf := chain[0]
	left := leaf.NotAfter.Sub(e.Now())
	until := leaf.NotAfter.Format(time.DateOnly)
	switch {
	case leaf.VerifyHostname(e.Hostname) != nil:
		l.add(Problem, "get one for "+e.Hostname+", or set hostname to the name it has", "the certificate is not for %s but for %v", e.Hostname, leaf.DNSNames)
	case leaf.Issuer.String() == leaf.Subject.String():
		l.selfSigned(e)
	case left < 0:
		l.add(Problem, l.renew(e), "the certificate ended on %s: mail programs refuse it", until)
	case untrusted(e, chain) != nil:
		l.add(Problem, "put the whole chain into the file: the server's certificate first, then those that lead to a known authority",
			"mail programs will not trust the certificate: %v", untrusted(e, chain))
	case left < soon:
		l.add(Warning, l.renew(e), "the certificate ends on %s", until)
	default:
		l.add(Fine, "", "the certificate for %s is good until %s", e.Hostname, until)
	}
	return l.findings
}

// shownChain is what the first door that speaks TLS shows; nil: there is none.
func shownChain(ctx context.Context, e *Environment) ([]*x509.Certificate, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, d := range e.Doors {
		if !encrypted[d.Name] {
			continue
		}
		nc, err := e.Dial(ctx, "tcp", reachable(d.Endpoint))
		if err != nil {
			return nil, err
		}
		defer nc.Close()
		secure := tls.Client(nc, &tls.Config{ServerName: e.Hostname, InsecureSkipVerify: true}) // looked at here
		if err := secure.HandshakeContext(ctx); err != nil {
			return nil, err
		}
		return secure.ConnectionState().PeerCertificates, nil
	}
	return nil, nil
}

func untrusted(e *Environment, chain []*x509.Certificate) error {
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{DNSName: e.Hostname, Roots: e.Roots, Intermediates: between, CurrentTime: e.Now()})
	return err
}

func (l *list) selfSigned(e *Environment) {
	if e.Certificate == Ordered {
		l.add(Warning, "its log says why, in lines with acme: most often the name does not lead here, or port 80 cannot be reached from the internet; it tries again within the hour, and at once after a restart",
			"the server has not got its certificate yet and shows a self-signed one")
		return
	}
	l.add(Warning, orderOne, "the certificate is self-signed: mail programs will warn")
}

func (*list) renew(e *Environment) string {
	switch e.Certificate {
	case Ordered:
		return "the server's log says why it is not renewed, in lines with acme"
	case FromFiles:
		return "renew the files; a new pair is used within ten seconds. Or " + orderOne
	}
	return orderOne
}

// checkAuthority sees whether the certificate authority can be asked, and what time it has.
func checkAuthority(ctx context.Context, e *Environment) []Finding {
	l := list{area: "certificate"}
	if e.Directory == "" {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	then, err := askTime(ctx, e)
	if err != nil {
		l.add(Problem, "look for a firewall that keeps connections to port 443 of others closed, and at acme.directory", "the certificate authority cannot be asked: %v", err)
		return l.findings
	}
	l.add(Fine, "", "the certificate authority answers")
	if off := e.Now().Sub(then).Abs(); !then.IsZero() && off > 2*time.Minute {
		l.findings = append(l.findings, Finding{"clock", Problem, fmt.Sprintf("the clock is wrong by %v", off.Round(time.Second)), keepTime})
	}
	return l.findings
}

// askTime asks for the authority's directory and returns the time it was answered at; zero: it does not say.
func askTime(ctx context.Context, e *Environment) (time.Time, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, e.Directory, nil)
	if err != nil {
		return time.Time{}, err
	}
	answer, err := e.Web.Do(r)
	if err != nil {
		return time.Time{}, err
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return time.Time{}, errors.New(answer.Status)
	}
	then, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return time.Time{}, nil
	}
	return then, nil
}
