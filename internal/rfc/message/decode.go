package message

import (
	"errors"
	"fmt"
	"io"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/transfer"
)

// ErrUnknownEncoding is in the chain of the error Binary returns for a transfer encoding it cannot decode. IMAP answers
// NO [UNKNOWN-CTE] (RFC 9051 7.1).
var ErrUnknownEncoding = errors.New("unknown content transfer encoding")

// Binary returns the body of a part with its transfer encoding removed, as BINARY[path] shows it (RFC 9051 6.4.5,
// RFC 3516). Its size is only known by reading it to the end.
//
// A multipart has no encoding of its own to remove (RFC 2045 6.4) and is given as it stands. The whole message, an empty
// path, includes its header.
func (p *Part) Binary(content io.ReaderAt, path []int) (io.Reader, error) {
	part := p.Find(path)
	if part == nil {
		return nil, mail.E("message.Binary", mail.NotFound, fmt.Errorf("the message has no part %v", path))
	}
	if len(path) == 0 {
		return section(content, part.All()), nil
	}
	if part.IsMultipart() {
		return section(content, part.Body), nil
	}
	if !transfer.Known(part.Encoding) {
		return nil, mail.E("message.Binary", mail.Invalid, fmt.Errorf("%w %.40q", ErrUnknownEncoding, part.Encoding))
	}
	return part.Decoded(content), nil
}

// Decoded is the body with its transfer encoding removed; an unknown one is left as it is.
func (p *Part) Decoded(content io.ReaderAt) io.Reader {
	return transfer.NewReader(p.Encoding, section(content, p.Body))
}

func section(content io.ReaderAt, r Range) io.Reader {
	return io.NewSectionReader(content, r.Offset, r.Length)
}
