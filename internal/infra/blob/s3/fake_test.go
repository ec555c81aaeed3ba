package s3_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/s3"
	cluster "github.com/mailmesh/mailmesh/test/cluster/s3"
)

// fake is a service in memory, with a bucket and a proxy before it that plays faults.
func fake(t testing.TB) (*cluster.Proxy, func(...func(*s3.Options)) *s3.Store) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("mail"); err != nil {
		t.Fatal(err)
	}
	service := httptest.NewServer(gofakes3.New(backend).Server())
	t.Cleanup(service.Close)
	proxy := cluster.NewProxy(t, strings.TrimPrefix(service.URL, "http://"))
	return proxy, func(change ...func(*s3.Options)) *s3.Store {
		server := &cluster.Server{Endpoint: proxy.Endpoint}
		return open(t, server, "mail", change...)
	}
}

// A service that is written by others, and less strict.
func TestContractOfAnother(t *testing.T) {
	blobtest.Run(t, func(t testing.TB) blob.Store {
		_, open := fake(t)
		return open()
	})
}
