package blobs

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
	"github.com/mailmesh/mailmesh/internal/rfc/ijson"
)

// maxSources is how many pieces an upload is made of at most (RFC 9404 3.1: at least 64).
const maxSources = 128

type uploadArgs struct {
	AccountID string                 `json:"accountId"`
	Create    map[string]ijson.Value `json:"create"`
}

// uploadObject is a blob to be made (RFC 9404 4.1).
type uploadObject struct {
	Data []source `json:"data"`
	Type *string  `json:"type"`
}

// source is a piece of it: text, base64, or a part of a blob.
type source struct {
	Text   *string `json:"data:asText"`
	Base64 *string `json:"data:asBase64"`
	BlobID *string `json:"blobId"`
	Offset *uint64 `json:"offset"`
	Length *uint64 `json:"length"`
}

type uploadCreated struct {
	ID   string  `json:"id"`
	Type *string `json:"type"`
	Size int64   `json:"size"`
}

type uploadResponse struct {
	AccountID  string                    `json:"accountId"`
	Created    *map[string]any           `json:"created"`
	NotCreated *map[string]*method.Error `json:"notCreated"`
}

// upload makes blobs of what is in the request, and of other blobs (RFC 9404 4.1). One that names another of the same call by its
// creation id is made after it.
func (b *Blobs) upload(ctx context.Context, c *method.Call) (any, error) {
	var args uploadArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	if args.Create == nil {
		return nil, method.Fail(method.InvalidArguments, "create is missing: it has the blobs that are to be made")
	}
	account, err := c.OwnAccount(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	if n := len(args.Create); n > method.MaxObjectsInSet {
		return nil, method.Fail(method.RequestTooLarge, "a call makes at most %d blobs, not %d", method.MaxObjectsInSet, n)
	}
	u := uploading{blobs: b, call: c, account: account, created: map[string]any{}, failed: map[string]*method.Error{}}
	if err := u.all(ctx, args.Create); err != nil {
		return nil, err
	}
	resp := uploadResponse{AccountID: args.AccountID}
	if len(u.created) > 0 {
		resp.Created = &u.created
	}
	if len(u.failed) > 0 {
		resp.NotCreated = &u.failed
	}
	return resp, nil
}

// uploading is one call of Blob/upload.
type uploading struct {
	blobs   *Blobs
	call    *method.Call
	account mail.AccountID
	created map[string]any
	failed  map[string]*method.Error
}

// all makes the blobs, those first that others are made of.
func (u *uploading) all(ctx context.Context, create map[string]ijson.Value) error {
	objects := map[string]uploadObject{}
	for key, v := range create {
		var o uploadObject
		if err := ijson.Strict(v, &o); err != nil {
			u.failed[key] = method.Bad(err.Error(), "data")
			continue
		}
		objects[key] = o
	}
	waiting := slices.Sorted(maps.Keys(objects))
	for len(waiting) > 0 {
		before := len(waiting)
		var later []string
		for _, key := range waiting {
			if u.waits(key, objects, waiting) {
				later = append(later, key)
				continue
			}
			if err := u.one(ctx, key, objects[key]); err != nil {
				return err
			}
		}
		if waiting = later; len(waiting) == before { // in a circle: they are not found
			for _, key := range waiting {
				u.failed[key] = method.Bad("it is made of itself", "data")
			}
			return nil
		}
	}
	return nil
}

// waits reports whether a blob is made of one that waits to be made.
func (u *uploading) waits(key string, objects map[string]uploadObject, waiting []string) bool {
	return slices.ContainsFunc(objects[key].Data, func(s source) bool {
		if s.BlobID == nil {
			return false
		}
		creation, is := strings.CutPrefix(*s.BlobID, "#")
		_, done := u.created[creation]
		return is && !done && u.failed[creation] == nil && slices.Contains(waiting, creation)
	})
}

func (u *uploading) one(ctx context.Context, key string, o uploadObject) error {
	taken, err := u.make(ctx, o)
	var told *method.Error
	switch {
	case err == nil:
		id := taken.Blob.String()
		u.call.Created(key, id)
		u.created[key] = uploadCreated{id, o.Type, taken.Size}
		return nil
	case errors.As(err, &told):
	default:
		var ok bool
		if told, ok = method.ErrorOf(err); !ok {
			return err
		}
	}
	u.failed[key] = told
	return nil
}

func (u *uploading) make(ctx context.Context, o uploadObject) (Taken, error) {
	if o.Data == nil {
		return Taken{}, method.Bad("data is missing: it lists the pieces", "data")
	}
	if len(o.Data) > maxSources {
		return Taken{}, method.Fail(method.TooLarge, "a blob is made of at most %d pieces", maxSources)
	}
	var open []io.Closer
	defer func() {
		for _, c := range open {
			c.Close() // it was read
		}
	}()
	readers := make([]io.Reader, len(o.Data))
	for i, s := range o.Data {
		r, c, err := u.open(ctx, s)
		if err != nil {
			return Taken{}, err
		}
		if c != nil {
			open = append(open, c)
		}
		readers[i] = r
	}
	return u.blobs.Take(ctx, u.account, io.MultiReader(readers...))
}

// open opens a piece.
func (u *uploading) open(ctx context.Context, s source) (io.Reader, io.Closer, error) {
	given := 0
	for _, is := range []bool{s.Text != nil, s.Base64 != nil, s.BlobID != nil} {
		if is {
			given++
		}
	}
	if given != 1 || s.BlobID == nil && (s.Offset != nil || s.Length != nil) {
		return nil, nil, method.Bad("a piece has one of data:asText, data:asBase64 and blobId; only the last has offset and length", "data")
	}
	switch {
	case s.Text != nil:
		return strings.NewReader(*s.Text), nil, nil
	case s.Base64 != nil:
		data, err := base64.StdEncoding.Strict().DecodeString(*s.Base64)
		if err != nil || strings.ContainsAny(*s.Base64, "\r\n") { // which Go leaves out
			return nil, nil, method.Bad("data:asBase64 is not base64 (RFC 4648 4)", "data")
		}
		return bytes.NewReader(data), nil, nil
	}
	return u.openRange(ctx, s)
}

// openRange opens what is named of another blob, all of which must be there (RFC 9404 4.1).
func (u *uploading) openRange(ctx context.Context, s source) (io.Reader, io.Closer, error) {
	id, known := u.call.Resolve(*s.BlobID)
	if !known {
		return nil, nil, blobNotFound(*s.BlobID)
	}
	content, err := u.blobs.Open(ctx, method.Access{Owner: u.account, Who: u.account}, id)
	if mail.Is(err, mail.NotFound) {
		return nil, nil, blobNotFound(*s.BlobID)
	}
	if err != nil {
		return nil, nil, err
	}
	size := int64(0)
	if err = u.call.Work(content.Work()); err == nil {
		size, err = content.Length()
	}
	if err != nil {
		return nil, nil, errors.Join(err, content.Close())
	}
	offset, length := uint64(0), uint64(size)
	if s.Offset != nil {
		offset = min(*s.Offset, uint64(size)+1)
	}
	if length -= min(offset, length); s.Length != nil {
		length = *s.Length
	}
	if offset > uint64(size) || length > uint64(size)-offset {
		return nil, content, errors.Join(method.Bad(fmt.Sprintf("%.40q has %d bytes: offset and length go beyond", *s.BlobID, size), "data"), content.Close())
	}
	if _, err := content.Seek(int64(offset), io.SeekStart); err != nil {
		return nil, nil, errors.Join(err, content.Close())
	}
	return io.LimitReader(content, int64(length)), content, nil
}

// blobNotFound is the error of RFC 8621 4.6.
func blobNotFound(id string) *method.Error {
	e := method.Fail("blobNotFound", "there is no blob %.100q", id)
	e.More = map[string]any{"notFound": []string{id}}
	return e
}
