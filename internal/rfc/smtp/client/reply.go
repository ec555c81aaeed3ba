package client

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// Limits of a reply. RFC 5321 4.5.3.1.5 has lines of 512 bytes; servers that say more are heard.
const (
	maxReplyLine  = 4096
	maxReplyLines = 128
	maxReplyBytes = 32 << 10
	maxReplyText  = 1000
)

// ErrReply is matched by the error about an answer that SMTP does not allow, or that is longer than we listen.
var ErrReply = errors.New("the answer is not SMTP")

// reply is one reply, its lines without code and line end, as they came.
type reply struct {
	code  int
	lines []string
}

// readReply reads one reply of one or more lines (RFC 5321 4.2). The buffer of r has maxReplyLine bytes.
func readReply(r *bufio.Reader) (reply, error) {
	var got reply
	for total := 0; ; {
		line, err := r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return reply{}, fmt.Errorf("%w: a line has more than %d bytes", ErrReply, maxReplyLine)
		}
		if err != nil {
			return reply{}, err
		}
		code, text, more, err := parseLine(line)
		switch total += len(line); {
		case err != nil:
			return reply{}, err
		case got.code != 0 && code != got.code: // RFC 5321 4.2.1: the same code on all lines
			return reply{}, fmt.Errorf("%w: one reply has the codes %d and %d", ErrReply, got.code, code)
		case len(got.lines) == maxReplyLines || total > maxReplyBytes:
			return reply{}, fmt.Errorf("%w: it has more than %d lines or %d bytes", ErrReply, maxReplyLines, maxReplyBytes)
		}
		got.code = code
		got.lines = append(got.lines, string(text))
		if !more {
			return got, nil
		}
	}
}

// parseLine reads three digits and what follows: "-" and text, a space and text, or nothing (RFC 5321 4.2: clients take the
// code alone). A line that ends with LF only is taken.
func parseLine(line []byte) (code int, text []byte, more bool, err error) {
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte{'\n'}), []byte{'\r'})
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !isDigit(line[1]) || !isDigit(line[2]) ||
		len(line) > 3 && line[3] != ' ' && line[3] != '-' {
		return 0, nil, false, fmt.Errorf("%w: %.60q", ErrReply, line)
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	if len(line) == 3 {
		return code, nil, false, nil
	}
	return code, line[4:], line[3] == '-', nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// mail is the reply as the rest of the program knows it: one line of text, and an enhanced code in any case, that of the class
// alone where the server gave none or one of another class (RFC 2034 4).
func (r reply) mail() mail.Reply {
	m := mail.Reply{Code: r.code, Enhanced: mail.EnhancedCode{r.code / 100, 0, 0}}
	var b strings.Builder
	for i, line := range r.lines {
		code, text, ok := cutEnhanced(line)
		if !ok || code[0] != r.code/100 {
			text = line
		} else if i == 0 {
			m.Enhanced = code
		}
		if text = strings.TrimSpace(text); text != "" && b.Len() > 0 {
			b.WriteByte(' ')
		}
		appendClean(&b, text)
	}
	m.Text = b.String()
	return m
}

// cutEnhanced takes an enhanced status code (RFC 3463 2) from the front of a line: class, subject and detail, of which the last
// two have up to three digits.
func cutEnhanced(line string) (code mail.EnhancedCode, rest string, ok bool) {
	rest = line
	for i := range code {
		digits := 0
		for digits < len(rest) && digits < 4 && isDigit(rest[digits]) {
			code[i] = code[i]*10 + int(rest[digits]-'0')
			digits++
		}
		if digits == 0 || digits > 3 || i == 0 && digits > 1 {
			return mail.EnhancedCode{}, line, false
		}
		if rest = rest[digits:]; i < 2 {
			if rest, ok = strings.CutPrefix(rest, "."); !ok {
				return mail.EnhancedCode{}, line, false
			}
		}
	}
	if rest != "" && rest[0] != ' ' {
		return mail.EnhancedCode{}, line, false
	}
	return code, rest, true
}

// appendClean adds a stranger's text, up to maxReplyText bytes in all: what is not printable UTF-8 becomes question marks.
func appendClean(b *strings.Builder, text string) {
	for _, r := range text {
		if b.Len()+utf8.RuneLen(r) > maxReplyText {
			return
		}
		if r == utf8.RuneError || !unicode.IsPrint(r) && r != ' ' {
			r = '?'
		}
		b.WriteRune(r)
	}
}
