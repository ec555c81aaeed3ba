package node

import (
	"context"
	"os"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/blob/bysize"
	"github.com/mailmesh/mailmesh/internal/infra/blob/s3"
	blobsql "github.com/mailmesh/mailmesh/internal/infra/blob/sql"
)

// openBlobs opens the place of bodies of a cluster: the database, and for larger ones the bucket, where there is one.
func (r *rooms) openBlobs(cfg config.Bodies, m *meters) error {
	small := blobsql.New(r.db)
	r.blobs = small
	place, err := cfg.S3()
	if place == nil || err != nil {
		return err
	}
	large, err := openS3(*place, r.databaseTime, m)
	if err != nil {
		return err
	}
	r.closers = append(r.closers, large.Close)
	r.blobs = bysize.New(bysize.Options{Small: small, Large: large, Most: int64(cfg.Small), IsLarge: s3.IsLocation})
	return nil
}

// openS3 opens a bucket. Who asks for it is said in the URL or in the environment that every S3 program reads.
func openS3(p config.S3, now func(context.Context) (time.Time, error), m *meters) (*s3.Store, error) {
	o := s3.Options{Endpoint: p.Endpoint, Secure: p.Secure, Region: p.Region, Bucket: p.Bucket, Prefix: p.Prefix,
		AccessKey: p.AccessKey, SecretKey: p.SecretKey, Now: now, Attempt: m.s3Attempt}
	if o.AccessKey == "" {
		o.AccessKey, o.SecretKey, o.SessionToken = os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY"), os.Getenv("AWS_SESSION_TOKEN")
	}
	return s3.New(o)
}

func (r *rooms) databaseTime(ctx context.Context) (time.Time, error) { return r.tx.Clock(ctx) }
