package s3

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/minio/minio-go/v7"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// ownerName is the name, below the prefix, of the object that says whose bodies are there. It is not that of a body.
const ownerName = "mailmesh-owner"

// mostOwner bounds what is read of it.
const mostOwner = 256

// Claim makes the bucket, below the prefix, the owner's where it is nobody's yet, and refuses one that is another's as
// mail.Conflict: a sweep would take the other's bodies for rubbish. Put, List, Remove and Clean do nothing before it has succeeded
// once; they try it themselves.
func (s *Store) Claim(ctx context.Context) error {
	if s.owner == nil || s.owned.Load() {
		return nil
	}
	owner, err := s.owner(ctx)
	if err != nil {
		return mail.E("s3.Claim", mail.Unavailable, fmt.Errorf("ask whose bodies these are: %w", err))
	}
	there, err := s.marked(ctx)
	if mail.Is(err, mail.NotFound) {
		if err = s.mark(ctx, owner); err == nil {
			there, err = s.marked(ctx) // of two that come at once one is there
		}
	}
	if err != nil {
		return err
	}
	if there != owner {
		return mail.E("s3.Claim", mail.Conflict, fmt.Errorf("%s%s in the bucket %s says that the bodies there are of the server %q, and this one's database is %q: "+
			"give each server a bucket or a prefix of its own. If the other is gone and its mail is not wanted any more, empty the bucket", s.prefix, ownerName, s.bucket, there, owner))
	}
	s.owned.Store(true)
	return nil
}

// marked reads whose bodies are there.
func (s *Store) marked(ctx context.Context) (owner string, err error) {
	err = s.try(ctx, "get", 0, func(ctx context.Context) error {
		body, _, _, err := s.core.GetObject(ctx, s.bucket, s.prefix+ownerName, minio.GetObjectOptions{})
		if err != nil {
			return err
		}
		defer body.Close()
		text, err := io.ReadAll(io.LimitReader(body, mostOwner))
		owner = strings.TrimSpace(string(text))
		return err
	})
	return owner, err
}

// mark writes whose bodies are there, unless it is written. A service that knows no conditions is written to without one: there, two
// servers that first come in the same moment are not told apart.
func (s *Store) mark(ctx context.Context, owner string) error {
	return s.try(ctx, "put", 0, func(ctx context.Context) error {
		o := minio.PutObjectOptions{ContentType: "text/plain"}
		o.SetMatchETagExcept("*")
		err := s.putText(ctx, owner, o)
		switch minio.ToErrorResponse(err).Code {
		case minio.PreconditionFailed:
			return nil
		case minio.NotImplemented:
			return s.putText(ctx, owner, minio.PutObjectOptions{ContentType: o.ContentType})
		}
		return err
	})
}

func (s *Store) putText(ctx context.Context, text string, o minio.PutObjectOptions) error {
	_, err := s.core.PutObject(ctx, s.bucket, s.prefix+ownerName, strings.NewReader(text+"\n"), int64(len(text)+1), "", "", o)
	return err
}
