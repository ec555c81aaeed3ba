package message

import (
	"errors"
	"fmt"
	"io"

	"golang.org/x/text/transform"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/charset"
	"github.com/mailmesh/mailmesh/internal/rfc/message/transfer"
)

// ErrUnknownEncoding is in the chain of the error Binary returns for a transfer encoding it cannot decode. IMAP answers
// NO [UNKNOWN-CTE] (RFC 9051 7.1).
var ErrUnknownEncoding = errors.New("unknown content transfer encoding")

// Binary returns the body of a part with its transfer encoding removed, as BINARY[path] shows it (RFC 9051 6.4.5,
// RFC 3516). Its size is only known by reading it to the end.
//
// A multipart has no encoding of its own to remove (RFC 2045 6.4) and is given as it stands. The whole message, an empty
// path, includes its header. The lines of text end with CR LF, whatever was encoded (RFC 9051 7.5.2, RFC 3516 6).
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
	if part.IsText() && !charset.Wide(part.Params.Get("charset")) {
		return transform.NewReader(part.Decoded(content), &lineEnds{}), nil
	}
	return part.Decoded(content), nil
}

// lineEnds puts CR before each LF that has none.
type lineEnds struct{ cr bool } // the octet before was CR

func (l *lineEnds) Reset() { l.cr = false }

func (l *lineEnds) Transform(dst, src []byte, _ bool) (nDst, nSrc int, err error) {
	for _, c := range src {
		bare := c == '\n' && !l.cr
		if nDst+1 >= len(dst) && (bare || nDst == len(dst)) {
			return nDst, nSrc, transform.ErrShortDst
		}
		if bare {
			dst[nDst] = '\r'
			nDst++
		}
		dst[nDst] = c
		nDst, nSrc, l.cr = nDst+1, nSrc+1, c == '\r'
	}
	return nDst, nSrc, nil
}

// Decoded is the body with its transfer encoding removed; an unknown one is left as it is.
func (p *Part) Decoded(content io.ReaderAt) io.Reader {
	return transfer.NewReader(p.Encoding, section(content, p.Body))
}

func section(content io.ReaderAt, r Range) io.Reader {
	return io.NewSectionReader(content, r.Offset, r.Length)
}
