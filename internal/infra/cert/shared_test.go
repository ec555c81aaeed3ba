package cert_test

import (
	"bytes"
	"sync"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/cert"
	"github.com/mailmesh/mailmesh/internal/infra/cert/certtest"
)

// Nodes that start at once show one certificate, and one that follows when its end is near.
func TestSharedSelfSigned(t *testing.T) {
	shared := new(certtest.Memory)
	now := time.Now()
	open := func(hostname string) []byte {
		s, err := cert.SelfSigned("", hostname, cert.Options{Shared: shared, Now: func() time.Time { return now }})
		if err != nil {
			t.Error(err)
			return nil
		}
		return s.Certificate().Certificate[0]
	}
	got := make([][]byte, 4)
	var running sync.WaitGroup
	for i := range got {
		running.Go(func() { got[i] = open("mail.example.org") })
	}
	running.Wait()
	for _, c := range got {
		if c == nil || !bytes.Equal(c, got[0]) {
			t.Error("the nodes show different certificates")
		}
	}
	if bytes.Equal(open("other.example.org"), got[0]) {
		t.Error("it is shown for another name")
	}
	now = now.Add(390 * 24 * time.Hour)
	later := open("mail.example.org")
	if bytes.Equal(later, got[0]) || !bytes.Equal(later, open("mail.example.org")) {
		t.Error("near its end none follows for all")
	}
}
