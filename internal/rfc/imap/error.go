package imap

import "strings"

// Condition is the kind of a status response (RFC 9051 7.1).
type Condition string

const (
	OK      Condition = "OK"
	NO      Condition = "NO"
	BAD     Condition = "BAD"
	PREAUTH Condition = "PREAUTH"
	BYE     Condition = "BYE"
)

// Error is a command that cannot be carried out because of how it was written. It is the reply: Encoder.Error sends it.
type Error struct {
	Tag       string    // "" when the command's tag could not be read: the reply is untagged
	Command   string    // name of the command, "" when unknown
	Condition Condition // BAD for wrong syntax, NO for a correct command that cannot be served
	Code      Code      // response code, may be ""
	Text      string    // what was wrong and what would be right
	Fatal     bool      // the place in the stream is lost: send BYE and close
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("imap: ")
	if e.Command != "" {
		b.WriteString(e.Command + ": ")
	}
	b.WriteString(string(e.Condition))
	if e.Code != "" {
		b.WriteString(" [" + string(e.Code) + "]")
	}
	b.WriteString(" " + e.Text)
	return b.String()
}
