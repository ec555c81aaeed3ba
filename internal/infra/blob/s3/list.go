package s3

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/mailmesh/mailmesh/internal/infra/blob"
	"github.com/mailmesh/mailmesh/internal/mail"
)

// page is how many names a request lists or removes: what S3 allows.
const page = 1000

// List implements blob.Lister, in the order of their times.
func (s *Store) List(ctx context.Context, each func(blob.Found) error) error {
	if err := s.Claim(ctx); err != nil {
		return err
	}
	for after := ""; ; {
		var got minio.ListBucketV2Result
		err := s.try(ctx, "list", 0, func(ctx context.Context) (err error) {
			// Not by continuation tokens: a listing takes long, and a name is good after any pause.
			got, err = s.listAfter(ctx, after)
			return err
		})
		if err != nil {
			return err
		}
		for _, o := range got.Contents {
			after = o.Key
			name, _ := strings.CutPrefix(o.Key, s.prefix)
			p, ok := parseName(name, o.Size)
			if !ok {
				continue
			}
			if err := each(blob.Found{ID: p.id, Location: p.location(), Size: p.size}); err != nil {
				return err
			}
		}
		if !got.IsTruncated || len(got.Contents) == 0 {
			return nil
		}
	}
}

// listAfter lists a page. The client of the library takes no context here, so an answer that comes too late is dropped.
func (s *Store) listAfter(ctx context.Context, after string) (minio.ListBucketV2Result, error) {
	type answer struct {
		got minio.ListBucketV2Result
		err error
	}
	came := make(chan answer, 1)
	go func() {
		got, err := s.core.ListObjectsV2(s.bucket, s.prefix, after, "", "", page)
		came <- answer{got, err}
	}()
	select {
	case a := <-came:
		return a.got, a.err
	case <-ctx.Done():
		return minio.ListBucketV2Result{}, ctx.Err()
	}
}

// Remove implements blob.Store.
func (s *Store) Remove(ctx context.Context, at ...blob.Location) error {
	names := make([]minio.ObjectInfo, len(at))
	for i, l := range at {
		p, err := parseLocation("s3.Remove", l)
		if err != nil {
			return err
		}
		names[i].Key = s.prefix + p.name()
	}
	if err := s.Claim(ctx); err != nil {
		return err
	}
	for batch := range slices.Chunk(names, page) {
		err := s.try(ctx, "remove", 0, func(ctx context.Context) error {
			return s.removeBatch(ctx, batch)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) removeBatch(ctx context.Context, batch []minio.ObjectInfo) error {
	removed, err := s.core.RemoveObjectsWithIter(ctx, s.bucket, slices.Values(batch), minio.RemoveObjectsOptions{})
	if err != nil {
		return err
	}
	for r := range removed {
		if r.Err != nil && minio.ToErrorResponse(r.Err).Code != minio.NoSuchKey && err == nil {
			err = fmt.Errorf("remove %s: %w", r.ObjectName, r.Err)
		}
	}
	return err
}

// Clean implements blob.Cleaner: it ends uploads in parts that began before a time and were not completed. Their names tell the
// time, as those of bodies do.
func (s *Store) Clean(ctx context.Context, before time.Time) error {
	if err := s.Claim(ctx); err != nil {
		return err
	}
	var ended []minio.ObjectMultipartInfo
	for u := range s.core.ListIncompleteUploads(ctx, s.bucket, s.prefix, true) {
		if u.Err != nil {
			return classify("s3.Clean", u.Err)
		}
		name, _ := strings.CutPrefix(u.Key, s.prefix)
		if p, ok := parseName(name, 0); ok && p.at < before.UnixMilli() {
			ended = append(ended, u)
		}
		if len(ended) == page {
			break // the next sweep goes on
		}
	}
	for _, u := range ended {
		err := s.try(ctx, "abort", 0, func(ctx context.Context) error {
			return s.core.AbortMultipartUpload(ctx, s.bucket, u.Key, u.UploadID)
		})
		if err != nil && !errors.Is(err, errRefused) && !mail.Is(err, mail.NotFound) {
			return err
		}
	}
	return nil
}
