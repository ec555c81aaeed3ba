package fetch

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

const (
	headerTime      = 30 * time.Second // until an answer begins
	handshakeTime   = 10 * time.Second
	idleTime        = 90 * time.Second
	maxHeader       = 64 << 10
	maxIdle         = 64
	perHost         = 16
	defaultParallel = 64
	defaultTime     = time.Minute
	defaultBytes    = 1 << 20
)

// Options say how a Client reaches the world.
type Options struct {
	Addresses func(ctx context.Context, host string) ([]netip.Addr, error) // asks DNS; the host is in A-labels
	Allow     []netip.Prefix                                               // networks that count as outside, whatever they are
	Roots     *x509.CertPool                                               // of web servers' certificates; nil: the system's
	Parallel  int                                                          // requests of Do at a time; 0: 64

	Dial func(ctx context.Context, network, address string) (net.Conn, error) // nil: a net.Dialer
	Own  func() []netip.Addr                                                  // this machine's addresses; nil: its interfaces'
}

// Client fetches. It is safe for concurrent use.
type Client struct {
	o         Options
	transport *http.Transport
	places    chan struct{}
}

// New makes a Client.
func New(o Options) *Client {
	if o.Parallel == 0 {
		o.Parallel = defaultParallel
	}
	if o.Dial == nil {
		o.Dial = new(net.Dialer).DialContext
	}
	if o.Own == nil {
		o.Own = ownAddresses
	}
	c := &Client{o: o, places: make(chan struct{}, o.Parallel)}
	c.transport = &http.Transport{
		DialContext: c.dial, Proxy: nil, ForceAttemptHTTP2: true, TLSHandshakeTimeout: handshakeTime, ResponseHeaderTimeout: headerTime,
		MaxResponseHeaderBytes: maxHeader, MaxIdleConns: maxIdle, MaxConnsPerHost: perHost, IdleConnTimeout: idleTime,
		TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.Roots},
	}
	return c
}

// Close ends connections that nobody uses.
func (c *Client) Close() { c.transport.CloseIdleConnections() }

// Request is what is asked for.
type Request struct {
	Method    string // "": GET
	URL       string
	Header    http.Header
	Body      []byte
	Plain     bool          // http will do, too
	Redirects int           // that are followed; 0: the redirect is the answer
	MaxBytes  int64         // of the answer's body; 0: 1 MiB
	Time      time.Duration // for all of it; 0: a minute
}

// Response is the answer.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
	URL    *url.URL // where redirects have led
}

// Do asks and reads the answer to its end.
func (c *Client) Do(ctx context.Context, r Request) (Response, error) {
	u, err := parse(r.URL, r.Plain)
	if err != nil {
		return Response{}, err
	}
	if r.Time == 0 {
		r.Time = defaultTime
	}
	if r.MaxBytes == 0 {
		r.MaxBytes = defaultBytes
	}
	ctx, cancel := context.WithTimeout(ctx, r.Time)
	defer cancel()
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	case <-ctx.Done():
		return Response{}, failed(errors.New("too many requests at this time"))
	}
	request, err := http.NewRequestWithContext(ctx, r.Method, u.String(), bytes.NewReader(r.Body))
	if err != nil {
		return Response{}, mail.E("fetch.Do", mail.Invalid, err)
	}
	for name, values := range r.Header {
		request.Header[http.CanonicalHeaderKey(name)] = values
	}
	if request.Header.Get("User-Agent") == "" {
		request.Header.Set("User-Agent", "Mailmesh")
	}
	client := http.Client{Transport: &judging{c, r.Plain}, CheckRedirect: redirects(r.Redirects)}
	response, err := client.Do(request)
	if err != nil {
		return Response{}, failed(err)
	}
	defer response.Body.Close()
	return read(response, r.MaxBytes)
}

// read takes the body, all or nothing; the rest of the answer in any case.
func read(response *http.Response, most int64) (Response, error) {
	tooLarge := mail.E("fetch.Do", mail.TooLarge, fmt.Errorf("the answer has more than %d bytes", most))
	answer := Response{Status: response.StatusCode, Header: response.Header, URL: response.Request.URL}
	if response.ContentLength > most {
		return answer, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, most+1))
	switch {
	case err != nil:
		return Response{}, failed(err)
	case int64(len(body)) > most:
		return answer, tooLarge
	}
	answer.Body = body
	return answer, nil
}

// failed gives an error of the transport its kind: what has one keeps it.
func failed(err error) error {
	if kind := mail.KindOf(err); kind != mail.Other {
		return mail.E("fetch.Do", kind, err)
	}
	return mail.E("fetch.Do", mail.Unavailable, err)
}

// redirects follows n of them.
func redirects(n int) func(*http.Request, []*http.Request) error {
	return func(next *http.Request, before []*http.Request) error {
		switch {
		case n == 0:
			return http.ErrUseLastResponse
		case len(before) > n:
			return mail.E("fetch.Do", mail.Limit, fmt.Errorf("more than %d redirects", n))
		case before[len(before)-1].URL.Scheme == "https" && next.URL.Scheme != "https":
			return mail.E("fetch.Do", mail.Denied, errors.New("a redirect leads from https to http"))
		}
		next.Header.Del("Referer")
		return nil
	}
}

// HTTP is a client for those who need more than Do gives: https only, judged as everything here is, redirects as net/http has them.
// Limits of time and size are the caller's.
func (c *Client) HTTP() *http.Client { return &http.Client{Transport: &judging{c, false}} }

// judging looks at the URL of every request, those that redirects lead to included.
type judging struct {
	c     *Client
	plain bool
}

func (j *judging) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := check(r.URL, j.plain); err != nil {
		return nil, mail.E("fetch.Do", mail.Invalid, fmt.Errorf("%.100q cannot be fetched: %w", r.URL, err))
	}
	return j.c.transport.RoundTrip(r)
}
