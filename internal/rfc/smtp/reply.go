package smtp

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

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

// ASCIIText writes other characters than ASCII as U+XXXX, for a client that has not said SMTPUTF8.
func ASCIIText(text string) string {
	if isASCII(text) {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if r < utf8.RuneSelf {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "%U", r)
		}
	}
	return b.String()
}

// appendText writes text and CRLF. RFC 5321 4.2 allows HT and printable ASCII; control characters become question marks.
// UTF-8 is kept: see ASCIIText.
func appendText(b []byte, text string) []byte {
	if len(text) > maxReplyText {
		end := maxReplyText
		for end > 0 && !utf8.RuneStart(text[end]) {
			end--
		}
		text = text[:end]
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
