package nodetest

import (
	"crypto/tls"
	"net"
	"net/http"
	"testing"

	"github.com/mailmesh/mailmesh/jmap"
)

// JMAP signs in over HTTPS.
func (n *Node) JMAP(t testing.TB, address, password string) *jmap.Client {
	t.Helper()
	_, port, err := net.SplitHostPort(n.Doors["https"])
	if err != nil {
		t.Fatalf("the node has no HTTPS door: %v", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	c, err := jmap.Dial(t.Context(), "https://localhost:"+port, jmap.Basic(address, password), jmap.Options{HTTP: &http.Client{Transport: transport}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
