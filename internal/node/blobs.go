package node

import (
	"context"
	"log/slog"
	"time"

	"github.com/mailmesh/mailmesh/internal/config"
	"github.com/mailmesh/mailmesh/internal/infra/blob/bysize"
	"github.com/mailmesh/mailmesh/internal/infra/blob/s3"
	blobsql "github.com/mailmesh/mailmesh/internal/infra/blob/sql"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// openBlobs opens the place of bodies of a cluster: the database, and for larger ones the bucket, where there is one.
func (r *rooms) openBlobs(cfg config.Bodies, m *meters) error {
	small := blobsql.New(r.db)
	r.blobs = small
	place, err := cfg.S3()
	if place == nil || err != nil {
		return err
	}
	large, err := openS3(*place, r.databaseTime, r.instanceID, m)
	if err != nil {
		return err
	}
	r.bucket = large
	r.closers = append(r.closers, large.Close)
	r.blobs = bysize.New(bysize.Options{Small: small, Large: large, Most: int64(cfg.Small), IsLarge: s3.IsLocation})
	return nil
}

// claimPatience is how long a start waits for the bucket.
const claimPatience = 5 * time.Second

// claimBucket refuses a bucket that is another server's. One that does not answer is no reason not to start: nothing is put there
// or removed before it is known whose it is.
func (r *rooms) claimBucket(ctx context.Context, log *slog.Logger) error {
	if r.bucket == nil {
		return nil
	}
	short, cancel := context.WithTimeout(ctx, claimPatience)
	defer cancel()
	err := r.bucket.Claim(short)
	if err != nil && !mail.Is(err, mail.Conflict) {
		log.Warn("the bucket of bodies.store cannot be used now: large mail waits with its senders", "err", err)
		return nil
	}
	return err
}

// openS3 opens a bucket.
func openS3(p config.S3, now func(context.Context) (time.Time, error), owner func(context.Context) (string, error), m *meters) (*s3.Store, error) {
	return s3.New(s3.Options{Endpoint: p.Endpoint, Secure: p.Secure, Region: p.Region, Bucket: p.Bucket, Prefix: p.Prefix,
		AccessKey: p.AccessKey, SecretKey: p.SecretKey, Now: now, Owner: owner, Attempt: m.s3Attempt})
}

func (r *rooms) databaseTime(ctx context.Context) (time.Time, error) { return r.tx.Clock(ctx) }

func (r *rooms) instanceID(ctx context.Context) (string, error) { return r.tx.InstanceID(ctx) }
