package method

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// BlobRef is what a blobId of JMAP names: a body of the account, or one part of the message that it is, with its transfer
// encoding decoded (RFC 8621 4.1.4).
type BlobRef struct {
	Blob mail.BlobID
	Part []int // as IMAP counts parts (RFC 9051 6.4.5.1); nil: the body itself
}

const maxPartDepth = 100

var errBlobRef = errors.New("a blob id is one that the server has given")

// String is "B...", or "B...-1.2" for a part.
func (b BlobRef) String() string {
	s := b.Blob.String()
	for i, n := range b.Part {
		s += string("-."[min(i, 1)]) + strconv.Itoa(n)
	}
	return s
}

// ParseBlobRef reads what BlobRef.String wrote.
func ParseBlobRef(text string) (BlobRef, error) {
	whole, part, is := strings.Cut(text, "-")
	id, err := mail.ParseBlobID(whole)
	ref := BlobRef{Blob: id}
	if err == nil && is {
		for n := range strings.SplitSeq(part, ".") {
			i, _ := strconv.Atoi(n)
			ref.Part = append(ref.Part, i)
		}
	}
	if err != nil || len(ref.Part) > maxPartDepth || ref.String() != text {
		return BlobRef{}, mail.E("method.ParseBlobRef", mail.Invalid, fmt.Errorf("%.40q: %w", text, errBlobRef))
	}
	for _, n := range ref.Part {
		if n < 1 {
			return BlobRef{}, mail.E("method.ParseBlobRef", mail.Invalid, fmt.Errorf("%.40q: %w", text, errBlobRef))
		}
	}
	return ref, nil
}
