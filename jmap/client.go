package jmap

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// Credential signs a request in.
type Credential func(*http.Request)

// Basic signs in with a name and a password, or an app password.
func Basic(name, password string) Credential {
	return func(r *http.Request) { r.SetBasicAuth(name, password) }
}

// Bearer signs in with a token.
func Bearer(token string) Credential {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// Client talks to one server as one user.
type Client struct {
	Session     *Session
	MaxResponse int64 // bytes of a response, 0: 64 MiB

	http       *http.Client
	credential Credential
}

const defaultMaxResponse = 64 << 20

// Options of Dial.
type Options struct {
	HTTP *http.Client // nil: http.DefaultClient
}

// Dial reads the session of a server, given by its origin ("https://mail.example.org"; RFC 8620 2.2) or by the whole address
// of the session.
func Dial(ctx context.Context, server string, credential Credential, o ...Options) (*Client, error) {
	c := &Client{http: http.DefaultClient, credential: credential}
	for _, o := range o {
		if o.HTTP != nil {
			c.http = o.HTTP
		}
	}
	u, err := url.Parse(server)
	if err != nil {
		return nil, err
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/.well-known/jmap"
	}
	res, err := c.send(ctx, http.MethodGet, u.String(), "", nil)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	c.Session = new(Session)
	if err := c.read(res, c.Session); err != nil {
		return nil, err
	}
	return c, c.Session.resolve(res.Request.URL)
}

// resolve makes the session's addresses whole where they are relative to its own.
func (s *Session) resolve(base *url.URL) error {
	for _, at := range []*string{&s.APIURL, &s.DownloadURL, &s.UploadURL, &s.EventSourceURL} {
		if strings.HasPrefix(*at, "/") {
			*at = base.Scheme + "://" + base.Host + *at
		}
	}
	if s.APIURL == "" {
		return fmt.Errorf("the session of %s names no apiUrl", base.Host)
	}
	return nil
}

// RequestError is the answer to a request that failed as a whole (RFC 8620 3.6.1; RFC 7807).
type RequestError struct {
	Status int    `json:"status"`
	Type   string `json:"type"`
	Title  string `json:"title"`
	Detail string `json:"detail"`
	Limit  string `json:"limit"` // with the type "urn:ietf:params:jmap:error:limit"
}

func (e *RequestError) Error() string {
	s := strconv.Itoa(e.Status) + " " + http.StatusText(e.Status)
	for _, more := range []string{e.Type, e.Limit, e.Title, e.Detail} {
		if more != "" && more != "about:blank" {
			s += ": " + more
		}
	}
	return s
}

// Do sends a Batch and hands the responses to its Results. The error is of the request as a whole: a *RequestError, or what the
// network says. Errors of single calls are in their Results.
func (c *Client) Do(ctx context.Context, b *Batch) error {
	body, err := json.Marshal(b.request())
	if err != nil {
		return err
	}
	res, err := c.send(ctx, http.MethodPost, c.Session.APIURL, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	var r response
	if err := c.read(res, &r); err != nil {
		return err
	}
	return b.take(&r)
}

// Call makes a request of one call.
func Call[R any](ctx context.Context, c *Client, method string, args any) (R, error) {
	var b Batch
	r := Add[R](&b, method, args)
	if err := c.Do(ctx, &b); err != nil {
		return r.Value, err
	}
	return r.Value, r.Err
}

// Uploaded is a blob that the server keeps for a while (RFC 8620 6.1).
type Uploaded struct {
	AccountID ID     `json:"accountId"`
	BlobID    ID     `json:"blobId"`
	Type      string `json:"type"`
	Size      int64  `json:"size"`
}

// Upload hands content to the server.
func (c *Client) Upload(ctx context.Context, account ID, mediaType string, content io.Reader) (Uploaded, error) {
	var u Uploaded
	at := expand(c.Session.UploadURL, map[string]string{"accountId": string(account)})
	res, err := c.send(ctx, http.MethodPost, at, mediaType, content)
	if err != nil {
		return u, err
	}
	defer res.Body.Close()
	return u, c.read(res, &u)
}

// Download opens a blob (RFC 8620 6.2). The caller closes it.
func (c *Client) Download(ctx context.Context, account, blob ID, name, mediaType string) (io.ReadCloser, error) {
	at := expand(c.Session.DownloadURL, map[string]string{
		"accountId": string(account), "blobId": string(blob), "name": name, "type": mediaType,
	})
	res, err := c.send(ctx, http.MethodGet, at, "", nil)
	if err != nil {
		return nil, err
	}
	return res.Body, nil
}

// expand fills the variables of a template (RFC 6570 level 1).
func expand(template string, values map[string]string) string {
	for name, value := range values {
		template = strings.ReplaceAll(template, "{"+name+"}", strings.ReplaceAll(url.QueryEscape(value), "+", "%20"))
	}
	return template
}

// send makes a request. The response has the status 200 or 201; anything else is a *RequestError.
func (c *Client) send(ctx context.Context, verb, at, mediaType string, body io.Reader) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, verb, at, body)
	if err != nil {
		return nil, err
	}
	if mediaType != "" {
		req.Header.Set("Content-Type", mediaType)
	}
	if c.credential != nil {
		c.credential(req)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK || res.StatusCode == http.StatusCreated {
		return res, nil
	}
	defer res.Body.Close()
	return nil, requestError(res)
}

func requestError(res *http.Response) error {
	e := &RequestError{}
	text, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10))
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	if !strings.HasSuffix(kind, "json") || unmarshal(text, e) != nil {
		e.Detail = strings.TrimSpace(string(text[:min(len(text), 500)]))
	}
	e.Status = res.StatusCode
	return e
}

// read decodes a response, which is not longer than the limit.
func (c *Client) read(res *http.Response, into any) error {
	limit := c.limit()
	text, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return err
	}
	if int64(len(text)) > limit {
		return fmt.Errorf("the response is longer than the %d bytes that Client.MaxResponse allows", limit)
	}
	if err := unmarshal(text, into); err != nil {
		return fmt.Errorf("the response of %s cannot be read: %w", res.Request.URL.Host, err)
	}
	return nil
}

func (c *Client) limit() int64 {
	if c.MaxResponse > 0 {
		return c.MaxResponse
	}
	return defaultMaxResponse
}
