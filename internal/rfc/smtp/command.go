package smtp

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Limits of command lines in bytes, CRLF included.
const (
	MaxCommandLine = 512 // RFC 5321 4.5.3.1.4
	// MaxParameterLine is the limit of MAIL and RCPT: each extension adds to the 512 (RFC 5321 4.5.3.1.9), RFC 3461 alone
	// 500 to RCPT and RFC 4954 500 to MAIL; this is more than the sum of all that exist.
	MaxParameterLine = 2048
)

// Command is one command line, taken apart as far as all commands are alike.
type Command struct {
	Verb string // upper case
	Args string // what follows, without spaces around it
}

// Faults of a command line.
var (
	ErrBareNewline = errors.New("a CR or LF stands alone; lines end with CR LF")
	ErrControl     = errors.New("the line holds a control character")
	ErrNotUTF8     = errors.New("the line is not UTF-8")
)

// ParseCommand reads a line without its CRLF.
func ParseCommand(line []byte) (Command, error) {
	switch {
	case bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, '\n') >= 0:
		return Command{}, ErrBareNewline
	case bytes.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }):
		return Command{}, ErrControl
	case !utf8.Valid(line):
		return Command{}, ErrNotUTF8
	}
	line = bytes.TrimRight(line, " \t") // RFC 5321 4.1.1: trailing white space SHOULD be tolerated
	end := bytes.IndexByte(line, ' ')
	if end < 0 {
		end = len(line)
	}
	return Command{Verb: upperVerb(line[:end]), Args: string(bytes.TrimLeft(line[end:], " "))}, nil
}

// verbs are interned, so that the common commands cost no allocation for their name.
var verbs = []string{"MAIL", "RCPT", "DATA", "BDAT", "RSET", "NOOP", "QUIT", "EHLO", "LHLO", "HELO", "STARTTLS"}

func upperVerb(b []byte) string {
	for _, v := range verbs {
		if len(b) == len(v) && strings.EqualFold(v, string(b)) {
			return v
		}
	}
	return strings.ToUpper(string(b))
}

// Chunk is the argument of BDAT (RFC 3030 2).
type Chunk struct {
	Size int64
	Last bool
}

// ParseChunk reads the argument of BDAT.
func ParseChunk(args string) (Chunk, error) {
	size, last, _ := strings.Cut(args, " ")
	last = strings.TrimLeft(last, " ")
	n, ok := parseNumber(size)
	if !ok || last != "" && !strings.EqualFold(last, "LAST") {
		return Chunk{}, reply(501, 5, 5, 4, "the syntax is BDAT size or BDAT size LAST")
	}
	return Chunk{Size: n, Last: last != ""}, nil
}

// huge stands for all larger numbers; a few of it can be added up.
const huge = 1e18

// parseNumber reads decimal digits and nothing else.
func parseNumber(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil { // RFC 1870 4: up to 20 digits
		n = huge
	}
	return min(n, huge), true
}
