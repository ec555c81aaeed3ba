package smtp

import (
	"strconv"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// maxReplyText leaves room for the codes, so that a reply line has at most 512 bytes (RFC 5321 4.5.3.1.5).
const maxReplyText = 490

// AppendReply appends the wire form of a reply of one line. A zero enhanced code is left out, as the greeting, EHLO and
// 3yz replies want it (RFC 2034 4). Text that came from elsewhere cannot break out of the line.
func AppendReply(b []byte, r mail.Reply) []byte {
	b = strconv.AppendInt(b, int64(r.Code), 10)
	b = append(b, ' ')
	if r.Enhanced != (mail.EnhancedCode{}) {
		b = appendEnhanced(b, r.Enhanced)
		b = append(b, ' ')
	}
	return appendText(b, r.Text)
}

func appendEnhanced(b []byte, c mail.EnhancedCode) []byte {
	for i, n := range c {
		if i > 0 {
			b = append(b, '.')
		}
		b = strconv.AppendInt(b, int64(n), 10)
	}
	return b
}

// AppendLines appends a reply of several lines without enhanced codes: the answer to EHLO.
func AppendLines(b []byte, code int, lines []string) []byte {
	for i, line := range lines {
		b = strconv.AppendInt(b, int64(code), 10)
		if i == len(lines)-1 {
			b = append(b, ' ')
		} else {
			b = append(b, '-')
		}
		b = appendText(b, line)
	}
	return b
}

// appendText writes text and CRLF. RFC 5321 4.2 allows HT and printable ASCII; UTF-8 is kept, since it can only come
// from what the client itself sent (RFC 6531 3.7.4.2), control characters become question marks.
func appendText(b []byte, text string) []byte {
	if len(text) > maxReplyText {
		text = text[:maxReplyText]
	}
	for i := range len(text) {
		c := text[i]
		if c < ' ' && c != '\t' || c == 0x7f {
			c = '?'
		}
		b = append(b, c)
	}
	return append(b, '\r', '\n')
}

// reply is short for a mail.Reply.
func reply(code int, class, subject, detail int, text string) mail.Reply {
	return mail.Reply{Code: code, Enhanced: mail.EnhancedCode{class, subject, detail}, Text: text}
}
