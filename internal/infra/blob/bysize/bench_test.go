package bysize_test

import (
	"bytes"
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/infra/blob/blobtest"
	"github.com/mailmesh/mailmesh/internal/infra/blob/s3"
	"github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/infra/db/dbtest"
	"github.com/mailmesh/mailmesh/internal/mail"
	cluster "github.com/mailmesh/mailmesh/test/cluster/s3"
)

// What a body costs in either store, by its size: the measurement behind bodies.small.
func BenchmarkPut(b *testing.B) {
	server := cluster.Shared(b)
	bucket, err := s3.New(s3.Options{Endpoint: server.Endpoint, Region: "us-east-1", Bucket: server.NewBucket(b), AccessKey: cluster.AccessKey, SecretKey: cluster.SecretKey,
		Now: func(context.Context) (time.Time, error) { return time.Now(), nil }})
	if err != nil {
		b.Fatal(err)
	}
	defer bucket.Close()
	var id atomic.Int64
	for _, size := range []int{8 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10, 1 << 20} {
		content := blobtest.Content(1, size)
		for name, s := range map[string]blob.Store{"database": sql.New(dbtest.OnPostgres(b, table)()), "bucket": bucket} {
			b.Run(fmt.Sprintf("%s/%dKiB", name, size>>10), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.SetParallelism(8)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if _, _, err := s.Put(context.Background(), mail.ObjectID(id.Add(1)), bytes.NewReader(content)); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}
