package adminserver

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// ErrNotRunning is matched (errors.Is) by a Client's errors when no server is at the socket.
var ErrNotRunning = errors.New("no server is running on this data folder")

// maxAnswer bounds what a Client reads of an answer: a page of a list.
const maxAnswer = 8 << 20

// Client is the other end of the API. Its errors are of the kinds and texts that the server gave.
type Client struct{ http http.Client }

// Dial returns a Client of the server at a socket. It connects when it is used.
func Dial(socket string) *Client {
	return &Client{http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			c, err := dial(ctx, socket)
			if err != nil && isNotRunning(err) {
				err = fmt.Errorf("%w (%w)", ErrNotRunning, err)
			} else if errors.Is(err, fs.ErrPermission) {
				err = fmt.Errorf("%w: run this as root or as the user that the server runs as", err)
			}
			return c, err
		},
	}}}
}

// Direct returns a Client of a handler in this process.
func Direct(h http.Handler) *Client { return &Client{http.Client{Transport: direct{h}}} }

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// do sends a request and reads its answer into out, which may be nil.
func (c *Client) do(ctx context.Context, method, path string, in, out any) error {
	var content io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return err
		}
		content = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(ctx, method, "http://admin"+path, content)
	if err != nil {
		return err
	}
	answer, err := c.http.Do(r)
	if err != nil {
		var e *url.Error
		if errors.As(err, &e) {
			err = e.Err // without the made-up URL
		}
		return mail.E("admin", mail.Unavailable, err)
	}
	defer answer.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return mail.E("admin", mail.Unavailable, err)
	}
	if answer.StatusCode/100 != 2 {
		return refusal(answer, raw)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(raw, out); err != nil {
		return fmt.Errorf("admin: the answer to %s %s: %w", method, path, err)
	}
	return nil
}

// call is do for requests that something comes back from.
func call[T any](ctx context.Context, c *Client, method, path string, in any) (out T, err error) {
	err = c.do(ctx, method, path, in, &out)
	return out, err
}

func refusal(answer *http.Response, raw []byte) error {
	var e Error
	if json.Unmarshal(raw, &e) != nil || e.Error == "" {
		return fmt.Errorf("admin: the server answers %s", answer.Status)
	}
	return mail.E("admin", e.Kind, errors.New(e.Error))
}

// list goes through all pages of a list.
func list[T any](ctx context.Context, c *Client, path, domain string) iter.Seq2[T, error] {
	query := url.Values{}
	if domain != "" {
		query.Set("domain", domain)
	}
	return listWith[T](ctx, c, path, query)
}

// listWith is list with a query of its own.
func listWith[T any](ctx context.Context, c *Client, path string, query url.Values) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		query := maps.Clone(query)
		for {
			p, err := call[Page[T]](ctx, c, http.MethodGet, path+"?"+query.Encode(), nil)
			if err != nil {
				var zero T
				yield(zero, err)
				return
			}
			for _, item := range p.Items {
				if !yield(item, nil) {
					return
				}
			}
			if p.Next == "" {
				return
			}
			query.Set("after", p.Next)
		}
	}
}

func at(resource string, names ...string) string {
	for i := range names {
		names[i] = url.PathEscape(names[i])
	}
	return resource + "/" + strings.Join(names, "/")
}

const (
	domains  = "/v1/domains"
	accounts = "/v1/accounts"
	aliases  = "/v1/aliases"
)

// Domains goes through all domains, by name.
func (c *Client) Domains(ctx context.Context) iter.Seq2[Domain, error] {
	return list[Domain](ctx, c, domains, "")
}

// Domain returns a domain.
func (c *Client) Domain(ctx context.Context, name string) (Domain, error) {
	return call[Domain](ctx, c, http.MethodGet, at(domains, name), nil)
}

// AddDomain makes a domain ours.
func (c *Client) AddDomain(ctx context.Context, n NewDomain) (Domain, error) {
	return call[Domain](ctx, c, http.MethodPost, domains, n)
}

// ChangeDomain changes what the change names.
func (c *Client) ChangeDomain(ctx context.Context, name string, change DomainChange) (Domain, error) {
	return call[Domain](ctx, c, http.MethodPatch, at(domains, name), change)
}

// RemoveDomain removes a domain without accounts, and its aliases.
func (c *Client) RemoveDomain(ctx context.Context, name string) error {
	return c.do(ctx, http.MethodDelete, at(domains, name), nil, nil)
}

// Accounts goes through all accounts, by address; with a domain, those of it.
func (c *Client) Accounts(ctx context.Context, domain string) iter.Seq2[Account, error] {
	return list[Account](ctx, c, accounts, domain)
}

// Account returns an account.
func (c *Client) Account(ctx context.Context, address string) (Account, error) {
	return call[Account](ctx, c, http.MethodGet, at(accounts, address), nil)
}

// AddAccount makes an account.
func (c *Client) AddAccount(ctx context.Context, n NewAccount) (Account, error) {
	return call[Account](ctx, c, http.MethodPost, accounts, n)
}

// ChangeAccount changes what the change names.
func (c *Client) ChangeAccount(ctx context.Context, address string, change AccountChange) (Account, error) {
	return call[Account](ctx, c, http.MethodPatch, at(accounts, address), change)
}

// RemoveAccount removes an account and all its mail.
func (c *Client) RemoveAccount(ctx context.Context, address string) error {
	return c.do(ctx, http.MethodDelete, at(accounts, address), nil, nil)
}

// SetPassword gives an account its password.
func (c *Client) SetPassword(ctx context.Context, address, password string) error {
	return c.do(ctx, http.MethodPut, at(accounts, address, "password"), NewPassword{password}, nil)
}

// AppPasswords goes through the app passwords of an account.
func (c *Client) AppPasswords(ctx context.Context, address string) iter.Seq2[AppPassword, error] {
	return list[AppPassword](ctx, c, at(accounts, address, "app-passwords"), "")
}

// AddAppPassword makes an app password, which is in the answer and nowhere else.
func (c *Client) AddAppPassword(ctx context.Context, address string, n NewAppPassword) (AppPassword, error) {
	return call[AppPassword](ctx, c, http.MethodPost, at(accounts, address, "app-passwords"), n)
}

// RevokeAppPassword removes an app password.
func (c *Client) RevokeAppPassword(ctx context.Context, address, id string) error {
	return c.do(ctx, http.MethodDelete, at(accounts, address, "app-passwords", id), nil, nil)
}

// Sessions goes through the programs that an account has let in.
func (c *Client) Sessions(ctx context.Context, address string) iter.Seq2[Session, error] {
	return list[Session](ctx, c, at(accounts, address, "sessions"), "")
}

// RevokeSession ends a session; "" all of the account.
func (c *Client) RevokeSession(ctx context.Context, address, id string) error {
	if id == "" {
		return c.do(ctx, http.MethodDelete, at(accounts, address, "sessions"), nil, nil)
	}
	return c.do(ctx, http.MethodDelete, at(accounts, address, "sessions", id), nil, nil)
}

// RebuildSearch makes the text index of an account anew, beside service.
func (c *Client) RebuildSearch(ctx context.Context, address string) error {
	return c.do(ctx, http.MethodPost, at(accounts, address, "search", "rebuild"), nil, nil)
}

// Aliases goes through all targets of aliases, by address; with a domain, those of it.
func (c *Client) Aliases(ctx context.Context, domain string) iter.Seq2[Alias, error] {
	return list[Alias](ctx, c, aliases, domain)
}

// AddAlias lets mail for an address also go to a target.
func (c *Client) AddAlias(ctx context.Context, n NewAlias) error {
	return c.do(ctx, http.MethodPost, aliases, n, nil)
}

// RemoveAlias takes one target from an alias; with "" all of them, and so the alias.
func (c *Client) RemoveAlias(ctx context.Context, address, target string) error {
	path := at(aliases, address)
	if target != "" {
		path += "?" + url.Values{"target": {target}}.Encode()
	}
	return c.do(ctx, http.MethodDelete, path, nil, nil)
}

// direct carries requests to a handler in this process.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody // as a server's requests have it
	}
	w := &answer{header: http.Header{}, status: http.StatusOK}
	d.handler.ServeHTTP(w, r)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// answer keeps what a handler writes.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
