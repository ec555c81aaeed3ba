package dsn

import (
	"bytes"
	"io"

	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Returned is what a report returns of the message it is about.
type Returned struct {
	Content []byte // the header, with the blank line at its end; where Whole, all of the message
	Whole   bool
	UTF8    bool // the message came with SMTPUTF8: its header is that of RFC 6532
}

// ReadReturned reads from the beginning of a message what is to be returned of it. A message that is larger than MaxReturn,
// or is no text in lines (BINARYMIME may hold anything), is returned as its header, whatever the sender asked for: RFC 3461 6.2
// leaves that to us.
func ReadReturned(r io.Reader, whole, utf8 bool) (Returned, error) {
	limit := MaxHeader
	if whole {
		limit = MaxReturn
	}
	content, err := io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if err != nil {
		return Returned{}, err
	}
	if whole && len(content) <= limit && isLines(content) {
		return Returned{Content: content, Whole: true, UTF8: utf8}, nil
	}
	return Returned{Content: headerOf(content), UTF8: utf8}, nil
}

// headerOf takes the header from the front of a message: whole fields, MaxHeader bytes of them, lines ended by CR LF.
func headerOf(content []byte) []byte {
	var out []byte
	for f := range header.Fields(content) {
		if f.Offset+f.Length >= len(content) && len(content) > MaxHeader {
			break // cut off
		}
		field := crlf(content[f.Offset : f.Offset+f.Length])
		if len(out)+len(field)+len("\r\n") > MaxHeader {
			break
		}
		out = append(out, field...)
	}
	return append(out, '\r', '\n')
}

// crlf ends lines with CR LF and lets other controls than HT go.
func crlf(b []byte) []byte {
	out := make([]byte, 0, len(b)+2)
	for line := range bytes.Lines(b) {
		for _, c := range bytes.TrimRight(line, "\r\n") {
			if c >= ' ' && c != 0x7f || c == '\t' {
				out = append(out, c)
			}
		}
		out = append(out, '\r', '\n')
	}
	return out
}

// maxLine is a line's length without its end (RFC 5321 4.5.3.1.6).
const maxLine = 998

// isLines reports whether content is lines that may travel as 7bit or 8bit (RFC 2045 2.7, 2.8).
func isLines(content []byte) bool {
	for line := range bytes.Lines(content) {
		text, ended := bytes.CutSuffix(line, []byte("\r\n"))
		if !ended || len(text) > maxLine || bytes.ContainsAny(text, "\r\n\x00") {
			return false
		}
	}
	return true
}

func isASCII[T string | []byte](s T) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
