package mtasts

import (
	"context"
	"fmt"
	"io"
	"mime"
	"net/http"
	"time"
)

// fetchTime is how long a policy may take to come (RFC 8461 3.3).
const fetchTime = time.Minute

// Host is the host that has the policy of a domain, and Path where it lies there (RFC 8461 3.3).
func Host(domain string) string { return "mta-sts." + domain }

// Path is the path of a policy on its Host.
const Path = "/.well-known/mta-sts.txt"

// Fetch gets the policy of a domain. The client verifies the host's certificate and does not use a cache.
func Fetch(ctx context.Context, client *http.Client, domain string) (Policy, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTime)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://"+Host(domain)+Path, nil)
	if err != nil {
		return Policy{}, err
	}
	direct := *client
	direct.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	response, err := direct.Do(request)
	if err != nil {
		return Policy{}, err
	}
	defer response.Body.Close()
	kind, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode != http.StatusOK:
		return Policy{}, fmt.Errorf("the answer is %q, not 200", response.Status)
	case err != nil || kind != "text/plain":
		return Policy{}, fmt.Errorf("the content type is %.80q, not text/plain", response.Header.Get("Content-Type"))
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, MaxPolicy+1))
	if err != nil {
		return Policy{}, err
	}
	return Parse(string(text))
}
