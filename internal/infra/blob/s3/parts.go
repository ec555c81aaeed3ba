package s3

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// abortTime is how long an upload that failed is tried to be ended at once; Clean ends what is left.
const abortTime = 5 * time.Second

// putParts sends a body whose first PartSize bytes are in b, and returns how many bytes it has.
func (s *Store) putParts(ctx context.Context, name string, b *buffer, r io.Reader) (size int64, err error) {
	var upload string
	err = s.try(ctx, "put", 0, func(ctx context.Context) (err error) {
		upload, err = s.core.NewMultipartUpload(ctx, s.bucket, s.prefix+name, minio.PutObjectOptions{ContentType: contentType})
		return err
	})
	if err != nil {
		return 0, err
	}
	size, parts, err := s.sendParts(ctx, name, upload, b, r)
	if err == nil {
		err = s.complete(ctx, name, upload, parts, size)
	}
	if err != nil {
		s.abort(ctx, name, upload)
	}
	return size, err
}

// sendParts sends what b holds, and goes on until r has ended.
func (s *Store) sendParts(ctx context.Context, name, upload string, b *buffer, r io.Reader) (size int64, parts []minio.CompletePart, err error) {
	for ended := false; b.size > 0; {
		part, err := s.sendPart(ctx, name, upload, len(parts)+1, b)
		if err != nil {
			return 0, nil, err
		}
		parts, size = append(parts, part), size+b.size
		b.reset()
		if ended {
			break
		}
		if ended, err = b.fill(ctx, r); err != nil {
			return 0, nil, fmt.Errorf("s3.Put: %w", err)
		}
	}
	return size, parts, nil
}

func (s *Store) sendPart(ctx context.Context, name, upload string, number int, b *buffer) (part minio.CompletePart, err error) {
	sum := hex.EncodeToString(b.hash.Sum(nil))
	err = s.try(ctx, "put", b.size, func(ctx context.Context) error {
		body := b.reader()
		defer body.Close()
		sent, err := s.core.PutObjectPart(ctx, s.bucket, s.prefix+name, upload, number, body, b.size, minio.PutObjectPartOptions{Sha256Hex: sum, DisableContentSha256: wholeHash})
		part = minio.CompletePart{PartNumber: number, ETag: sent.ETag}
		return err
	})
	return part, err
}

// complete makes the parts an object. An upload that is no longer there was completed by an attempt whose answer was lost,
// when there is an object of that size: the name is this Put's alone.
func (s *Store) complete(ctx context.Context, name, upload string, parts []minio.CompletePart, size int64) error {
	return s.try(context.WithoutCancel(ctx), "put", 0, func(ctx context.Context) error {
		_, err := s.core.CompleteMultipartUpload(ctx, s.bucket, s.prefix+name, upload, parts, minio.PutObjectOptions{})
		if minio.ToErrorResponse(err).Code != "NoSuchUpload" {
			return err
		}
		info, statErr := s.core.StatObject(ctx, s.bucket, s.prefix+name, minio.StatObjectOptions{})
		if statErr == nil && info.Size == size {
			return nil
		}
		return mail.E("s3.Put", mail.Unavailable, errors.Join(err, statErr))
	})
}

// abort ends an upload that nobody will complete.
func (s *Store) abort(ctx context.Context, name, upload string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
	defer cancel()
	s.once(ctx, "abort", 0, func(ctx context.Context) error {
		return s.core.AbortMultipartUpload(ctx, s.bucket, s.prefix+name, upload)
	})
}
