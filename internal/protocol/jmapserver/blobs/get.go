package blobs

import (
	"context"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"hash"
	"io"
	"math"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/protocol/jmapserver/method"
)

// digests are the algorithms of "digest:...", the one to be preferred first (RFC 9404 3.1).
var digests = []struct {
	name string
	make func() hash.Hash
}{{"sha-256", sha256.New}, {"sha-512", sha512.New}, {"sha", sha1.New}}

func digestNames() (names []string) {
	for _, d := range digests {
		names = append(names, d.name)
	}
	return names
}

type getArgs struct {
	AccountID  string    `json:"accountId"`
	IDs        *[]string `json:"ids"`
	Properties *[]string `json:"properties"`
	Offset     *uint64   `json:"offset"`
	Length     *uint64   `json:"length"`
}

type getResponse struct {
	AccountID string           `json:"accountId"`
	List      []map[string]any `json:"list"`
	NotFound  []string         `json:"notFound"`
}

// getting is one call of Blob/get.
type getting struct {
	blobs          *Blobs
	call           *method.Call
	access         method.Access
	wants          method.Properties
	offset, length int64
	left           int // bytes that the response may have
}

// isProperty reports whether Blob/get knows a property (RFC 9404 4.2).
func isProperty(name string) bool {
	algorithm, is := strings.CutPrefix(name, "digest:")
	return is && slices.Contains(digestNames(), algorithm) || slices.Contains([]string{"id", "data", "data:asText", "data:asBase64", "size"}, name)
}

// get gives blobs, or the same range of each, as text or base64, and digests of that.
func (b *Blobs) get(ctx context.Context, c *method.Call) (any, error) {
	var args getArgs
	if err := c.Decode(&args); err != nil {
		return nil, err
	}
	a, err := c.Account(ctx, args.AccountID)
	if err != nil {
		return nil, err
	}
	if args.IDs == nil {
		return nil, method.Fail(method.RequestTooLarge, "ids is needed: not all blobs of an account are told at once")
	}
	if err := method.CheckGet(len(*args.IDs)); err != nil {
		return nil, err
	}
	if args.Properties == nil {
		args.Properties = &[]string{"data", "size"}
	}
	g := getting{blobs: b, call: c, access: a, length: math.MaxInt64, left: c.Room()}
	if g.wants, err = method.Select(args.Properties, isProperty); err != nil {
		return nil, err
	}
	if args.Offset != nil {
		g.offset = int64(min(*args.Offset, math.MaxInt64))
	}
	if args.Length != nil {
		g.length = int64(min(*args.Length, math.MaxInt64))
	}
	resp := getResponse{AccountID: args.AccountID}
	for _, id := range method.Unique(*args.IDs) {
		name, known := c.Resolve(id)
		object, err := map[string]any(nil), error(notFound(id))
		if known {
			object, err = g.one(ctx, name)
		}
		switch {
		case err == nil:
			resp.List = append(resp.List, object)
		case mail.Is(err, mail.NotFound):
			resp.NotFound = append(resp.NotFound, id)
		default:
			return nil, err
		}
	}
	return resp, nil
}

func (g *getting) one(ctx context.Context, id string) (map[string]any, error) {
	content, err := g.blobs.Open(ctx, g.access, id)
	if err != nil {
		return nil, err
	}
	defer content.Close() // it was read, or the error is told
	if err := g.call.Work(content.Work()); err != nil {
		return nil, err
	}
	size, err := content.Length()
	if err != nil {
		return nil, err
	}
	object := map[string]any{"id": id}
	if g.wants.Has("size") {
		object["size"] = size
	}
	if _, err := content.Seek(min(g.offset, size), io.SeekStart); err != nil {
		return nil, err
	}
	there := max(0, size-g.offset)
	if length := min(g.length, there); g.length != math.MaxInt64 && g.length > there || g.offset > size {
		object["isTruncated"] = true
		there = length
	} else {
		there = length
	}
	return object, g.read(io.LimitReader(content, there), there, object)
}

// read adds what is asked for of the bytes of a range.
func (g *getting) read(r io.Reader, length int64, object map[string]any) error {
	var sums []hash.Hash
	var into []io.Writer
	for _, d := range digests {
		if g.wants.Has("digest:" + d.name) {
			sums = append(sums, d.make())
			into = append(into, sums[len(sums)-1])
		} else {
			sums = append(sums, nil)
		}
	}
	var data []byte
	if g.wants.Has("data") || g.wants.Has("data:asText") || g.wants.Has("data:asBase64") {
		if g.left -= int(min(2*length+100, math.MaxInt32)); g.left < 0 {
			return method.Fail(method.RequestTooLarge, "the data would not fit into the response: ask for less, or download it")
		}
		data = make([]byte, length)
		if _, err := io.ReadFull(io.TeeReader(r, io.MultiWriter(into...)), data); err != nil {
			return fmt.Errorf("read a blob: %w", err)
		}
		g.present(data, object)
	} else if _, err := io.Copy(io.MultiWriter(into...), r); err != nil {
		return err
	}
	for i, sum := range sums {
		if sum != nil {
			object["digest:"+digests[i].name] = base64.StdEncoding.EncodeToString(sum.Sum(nil))
		}
	}
	return nil
}

// present gives the bytes in the forms that are asked for. RFC 9404 4.2.2: what is not UTF-8 is no text.
func (g *getting) present(data []byte, object map[string]any) {
	text := utf8.Valid(data)
	if g.wants.Has("data:asText") || g.wants.Has("data") && text {
		object["data:asText"] = nil
		if text {
			object["data:asText"] = string(data)
		}
	}
	if g.wants.Has("data:asBase64") || g.wants.Has("data") && !text {
		object["data:asBase64"] = base64.StdEncoding.EncodeToString(data)
	}
	if !text && (g.wants.Has("data") || g.wants.Has("data:asText")) {
		object["isEncodingProblem"] = true
	}
}
