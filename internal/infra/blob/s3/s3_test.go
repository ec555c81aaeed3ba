package s3_test

import (
	"context"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/s3"
	cluster "github.com/mailmesh/mailmesh/test/cluster/s3"
)

// now is a database's clock.
func now(context.Context) (time.Time, error) { return time.Now().UTC(), nil }

func open(t testing.TB, server *cluster.Server, bucket string, change ...func(*s3.Options)) *s3.Store {
	t.Helper()
	o := s3.Options{Endpoint: server.Endpoint, Region: "us-east-1", Bucket: bucket, AccessKey: cluster.AccessKey, SecretKey: cluster.SecretKey, Now: now}
	for _, c := range change {
		c(&o)
	}
	s, err := s3.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// A real service.
func TestContract(t *testing.T) {
	server := cluster.Shared(t)
	blobtest.Run(t, func(t testing.TB) blob.Store { return open(t, server, server.NewBucket(t)) })
}

func TestContractBelowAPrefix(t *testing.T) {
	server := cluster.Shared(t)
	bucket := server.NewBucket(t)
	blobtest.Run(t, func(t testing.TB) blob.Store {
		return open(t, server, bucket, func(o *s3.Options) { o.Prefix = t.Name() + "/" })
	})
}
