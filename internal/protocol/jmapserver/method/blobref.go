package method

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// BlobRef is what a blobId of JMAP names: a body of the account, or one part of the message that it is, with its transfer
// encoding decoded (RFC 8621 4.1.4).
type BlobRef struct {
	Blob  mail.BlobID
	Part  []int        // as IMAP counts parts (RFC 9051 6.4.5.1); nil: the body itself
	Email mail.EmailID // through which a user who is not the owner sees it; 0 for the owner
}

const maxPartDepth = 100

var errBlobRef = errors.New("a blob id is one that the server has given")

// In is the name by which a user calls what is of an email. That of who is not the owner has the email in it: what may be seen is said
// by where that lies, and nobody could look through all emails for a body each time that it is opened.
func (b BlobRef) In(a Access, email mail.EmailID) BlobRef {
	if !a.Own() {
		b.Email = email
	}
	return b
}

// Of is a part of what is named.
func (b BlobRef) Of(part []int) BlobRef {
	b.Part = slices.Concat(b.Part, part)
	return b
}

// String is "B...", "B...-1-2" for a part, and either with "_M..." behind it for who is not the owner.
func (b BlobRef) String() string {
	s := b.Blob.String()
	for _, n := range b.Part {
		s += "-" + strconv.Itoa(n) // "." may not be in an id
	}
	if b.Email != 0 {
		s += "_" + b.Email.String()
	}
	return s
}

// ParseBlobRef reads what BlobRef.String wrote.
func ParseBlobRef(text string) (BlobRef, error) {
	name, email, through := strings.Cut(text, "_")
	whole, part, is := strings.Cut(name, "-")
	id, err := mail.ParseBlobID(whole)
	ref := BlobRef{Blob: id}
	if err == nil && through {
		ref.Email, err = mail.ParseEmailID(email)
	}
	if err == nil && is {
		for n := range strings.SplitSeq(part, "-") {
			i, _ := strconv.Atoi(n)
			ref.Part = append(ref.Part, i)
		}
	}
	wrong := slices.ContainsFunc(ref.Part, func(n int) bool { return n < 1 })
	if err != nil || wrong || len(ref.Part) > maxPartDepth || ref.String() != text {
		return BlobRef{}, mail.E("method.ParseBlobRef", mail.Invalid, fmt.Errorf("%.40q: %w", text, errBlobRef))
	}
	return ref, nil
}
