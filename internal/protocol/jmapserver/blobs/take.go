package blobs

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/store/bodies"
	"github.com/mailmesh/mailmesh/internal/store/tx"
)

// uploadQuota is how many bytes of uploads an account may have that nothing names, in uploads of the largest size (RFC 8620 6: what
// one object can refer to, at least).
const uploadQuota = 4

// Taken is what has been uploaded.
type Taken struct {
	Blob mail.BlobID
	Size int64
}

// Take keeps what r holds as an upload of an account. The bytes are on stable storage before they have a name. More than may be
// uploaded is mail.TooLarge.
func (b *Blobs) Take(ctx context.Context, account mail.AccountID, r io.Reader) (Taken, error) {
	body, err := b.o.Bodies.Put(ctx, &atMost{r, b.o.MaxUpload})
	switch {
	case errors.Is(err, errTooLarge):
		return Taken{}, mail.E("blobs.Take", mail.TooLarge, fmt.Errorf("an upload has at most %d bytes", b.o.MaxUpload))
	case err != nil:
		return Taken{}, err
	}
	id, err := b.hold(ctx, account, func(t *tx.Tx) (mail.BlobID, error) {
		return b.o.Bodies.HoldUpload(t, account, body, uploadQuota*b.o.MaxUpload)
	})
	if err != nil {
		return Taken{}, errors.Join(err, b.o.Bodies.Discard(context.WithoutCancel(ctx), body))
	}
	return Taken{id, body.Size}, nil
}

// hold names a body.
func (b *Blobs) hold(ctx context.Context, account mail.AccountID, name func(*tx.Tx) (mail.BlobID, error)) (id mail.BlobID, err error) {
	err = b.o.Tx.Write(ctx, []mail.AccountID{account}, func(t *tx.Tx) (err error) {
		id, err = name(t)
		return err
	})
	return id, err
}

// atMost reads no more than it may.
type atMost struct {
	from io.Reader
	left int64
}

var errTooLarge = errors.New("it is too large")

func (a *atMost) Read(p []byte) (int, error) {
	n, err := a.from.Read(p)
	if a.left -= int64(n); a.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// copyArgs are the arguments of Blob/copy (RFC 8620 6.3).
type copyArgs struct {
	From    string   `json:"fromAccountId"`
	To      string   `json:"accountId"`
	BlobIDs []string `json:"blobIds"`
}

type copyResponse struct {
	From      string                    `json:"fromAccountId"`
	To        string                    `json:"accountId"`
	Copied    *map[string]string        `json:"copied"`
	NotCopied *map[string]*method.Error `json:"notCopied"`
}

// copy makes blobs of one account uploads of another, the user's own. Bodies are not copied for it: accounts share them.
func (b *Blobs) copy(ctx context.Context, c *method.Call) (any, error) {
	var args copyArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if args.BlobIDs == nil || args.From == args.To {
		return nil, method.Fail(method.InvalidArguments, "blobIds is a list of ids, and fromAccountId another account than accountId")
	}
	if n := len(args.BlobIDs); n > method.MaxObjectsInSet {
		return nil, method.Fail(method.RequestTooLarge, "a call copies at most %d blobs, not %d", method.MaxObjectsInSet, n)
	}
	from, err := c.Account(ctx, args.From)
	if e := new(method.Error); errors.As(err, &e) && e.Type == method.AccountNotFound {
		return nil, method.Fail(method.FromAccountNotFound, "%s", e.Description)
	}
	if err != nil {
		return nil, err
	}
	to, err := c.OwnAccount(ctx, args.To)
	if err != nil {
		return nil, err
	}
	copied, failed := map[string]string{}, map[string]*method.Error{}
	for _, id := range method.Unique(args.BlobIDs) {
		taken, err := b.copyOne(ctx, c, from, to, id)
		if err == nil {
			copied[id] = taken
			continue
		}
		told := new(method.Error)
		if !errors.As(err, &told) {
			var ok bool
			if told, ok = method.ErrorOf(err); !ok {
				return nil, err
			}
		}
		failed[id] = told
	}
	resp := copyResponse{From: args.From, To: args.To}
	if len(copied) > 0 {
		resp.Copied = &copied
	}
	if len(failed) > 0 {
		resp.NotCopied = &failed
	}
	return resp, nil
}

func (b *Blobs) copyOne(ctx context.Context, c *method.Call, from method.Access, to mail.AccountID, id string) (string, error) {
	content, err := b.Open(ctx, from, id)
	if err != nil {
		return "", err
	}
	defer content.Close() // it was read, or the error is told
	if err := c.Work(content.Work()); err != nil {
		return "", err
	}
	if content.Entity != nil {
		taken, err := b.Take(ctx, to, content)
		return taken.Blob.String(), err
	}
	ref, err := method.ParseBlobRef(id)
	if err != nil {
		return "", err
	}
	upload, err := b.o.Bodies.BorrowUpload(ctx, from.Owner, ref.Blob, uploadQuota*b.o.MaxUpload)
	if err != nil {
		return "", err
	}
	copied, err := b.hold(ctx, to, func(t *tx.Tx) (mail.BlobID, error) { return upload(t, to) })
	if errors.Is(err, bodies.ErrPutAgain) { // it was deleted meanwhile
		err = notFound(id)
	}
	return copied.String(), err
}
