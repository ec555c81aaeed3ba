// Package vault reads one secret from HashiCorp Vault or OpenBao, from their key-value store of version 2 over HTTPS.
//
// The place is a URL, vault://host:port/mount/path#field; who asks is known by a token, from VAULT_TOKEN or from the file that
// VAULT_TOKEN_FILE names, as agents beside a program write it. VAULT_CACERT and VAULT_NAMESPACE mean what they mean to Vault's own client.
//
// A service that does not answer, is sealed or overloaded is asked again for a while; what it refuses is refused at once. No
// error, and no log, has the token or the secret in it.
package vault

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

const (
	maxAnswer   = 64 << 10
	requestTime = 5 * time.Second
	tries       = 6
	firstPause  = 250 * time.Millisecond // doubled after each try
)

// Place is where a secret is.
type Place struct{ host, mount, path, field string }

// Parse reads vault://host:port/mount/path#field.
func Parse(text string) (p Place, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "vault" || u.Host == "" || u.User != nil || u.RawQuery != "" {
		return p, mail.E("vault.Parse", mail.Invalid, errors.New("a secret's place is vault://host:port/mount/path#field"))
	}
	mount, path, _ := strings.Cut(strings.Trim(u.Path, "/"), "/")
	if mount == "" || path == "" || u.Fragment == "" {
		return p, mail.E("vault.Parse", mail.Invalid, errors.New("the place lacks mount, path or field: vault://host:port/mount/path#field"))
	}
	return Place{u.Host, mount, path, u.Fragment}, nil
}

// Client asks.
type Client struct {
	HTTP   *http.Client
	Getenv func(string) string
	Pause  func(context.Context, time.Duration)
}

// New returns a client that takes what it needs from the environment.
func New(getenv func(string) string) (*Client, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if file := getenv("VAULT_CACERT"); file != "" {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, mail.E("vault.New", mail.Invalid, fmt.Errorf("VAULT_CACERT: %w", err))
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, mail.E("vault.New", mail.Invalid, fmt.Errorf("VAULT_CACERT: there is no certificate in %s", file))
		}
	}
	return &Client{HTTP: &http.Client{Timeout: requestTime, Transport: &http.Transport{TLSClientConfig: config, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}, Getenv: getenv, Pause: pause}, nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// Read returns the secret.
func (c *Client) Read(ctx context.Context, p Place) (secret string, err error) {
	token, err := c.token()
	if err != nil {
		return "", err
	}
	wait := firstPause
	for try := 1; ; try++ {
		secret, err = c.once(ctx, p, token)
		if !mail.Is(err, mail.Unavailable) || try == tries || ctx.Err() != nil {
			return secret, err
		}
		c.Pause(ctx, wait)
		wait *= 2
	}
}

func (c *Client) token() (string, error) {
	if token := c.Getenv("VAULT_TOKEN"); token != "" {
		return token, nil
	}
	file := c.Getenv("VAULT_TOKEN_FILE")
	if file == "" {
		return "", mail.E("vault.Read", mail.Invalid, errors.New("the key service wants a token: set VAULT_TOKEN, or VAULT_TOKEN_FILE to the file that has it"))
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", mail.E("vault.Read", mail.Invalid, fmt.Errorf("VAULT_TOKEN_FILE: %w", err))
	}
	return strings.TrimSpace(string(text)), nil
}

func (c *Client) once(ctx context.Context, p Place, token string) (string, error) {
	const op = "vault.Read"
	u := url.URL{Scheme: "https", Host: p.host, Path: "/v1/" + p.mount + "/data/" + p.path}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", mail.E(op, mail.Invalid, err)
	}
	r.Header.Set("X-Vault-Token", token)
	r.Header.Set("X-Vault-Request", "true")
	if namespace := c.Getenv("VAULT_NAMESPACE"); namespace != "" {
		r.Header.Set("X-Vault-Namespace", namespace)
	}
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return "", mail.E(op, mail.Unavailable, fmt.Errorf("the key service: %w", err))
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	switch {
	case err != nil:
		return "", mail.E(op, mail.Unavailable, fmt.Errorf("the key service: %w", err))
	case answer.StatusCode == http.StatusTooManyRequests, answer.StatusCode >= 500: // 503: sealed
		return "", mail.E(op, mail.Unavailable, fmt.Errorf("the key service says %s", answer.Status))
	case answer.StatusCode == http.StatusForbidden:
		return "", mail.E(op, mail.Denied, fmt.Errorf("the key service does not let this token read %s/%s", p.mount, p.path))
	case answer.StatusCode == http.StatusNotFound:
		return "", mail.E(op, mail.NotFound, fmt.Errorf("the key service has nothing at %s/%s (of version 2 of the key-value store)", p.mount, p.path))
	case answer.StatusCode != http.StatusOK:
		return "", mail.E(op, mail.Invalid, fmt.Errorf("the key service says %s", answer.Status))
	}
	var read struct {
		Data struct {
			Data map[string]any `json:"data"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &read); err != nil {
		return "", mail.E(op, mail.Invalid, errors.New("the key service's answer is not what its key-value store of version 2 says"))
	}
	secret, ok := read.Data.Data[p.field].(string)
	if !ok || secret == "" {
		return "", mail.E(op, mail.NotFound, fmt.Errorf("the key service has no text in the field %s of %s/%s", p.field, p.mount, p.path))
	}
	return secret, nil
}
