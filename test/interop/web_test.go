//go:build system

package interop

import (
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// web serves MTA-STS policies of domains (RFC 8461 3.3), each with a certificate of its own.
type web struct {
	in *internet

	mu    sync.Mutex
	sites map[string]site // by host name
}

type site struct {
	pair pair
	text string
}

const webAddress = "192.0.2.80"

func newWeb(t *testing.T, in *internet) *web {
	t.Helper()
	w := &web{in: in, sites: map[string]site{}}
	in.address(t, webAddress)
	listener, err := net.Listen("tcp", webAddress+":443")
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: w, TLSConfig: &tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		s, ok := w.sites[hello.ServerName]
		if !ok {
			return nil, fmt.Errorf("no site %s", hello.ServerName)
		}
		return &s.pair.tls, nil
	}}}
	var serving sync.WaitGroup
	serving.Go(func() { server.ServeTLS(listener, "", "") })
	t.Cleanup(func() {
		server.Close()
		serving.Wait()
	})
	return w
}

func (w *web) ServeHTTP(out http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	s, ok := w.sites[r.Host]
	w.mu.Unlock()
	if !ok || r.URL.Path != "/.well-known/mta-sts.txt" {
		http.NotFound(out, r)
		return
	}
	out.Header().Set("Content-Type", "text/plain")
	fmt.Fprint(out, s.text)
}

// policy publishes one, and returns the records that the domain needs.
func (w *web) policy(domain, mode string, p pair) (records string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sites["mta-sts."+domain] = site{p, strings.Join([]string{"version: STSv1", "mode: " + mode, "mx: mx." + domain, "max_age: 86400", ""}, "\r\n")}
	return fmt.Sprintf("mta-sts A %s\n_mta-sts TXT \"v=STSv1; id=1;\"\n", webAddress)
}
