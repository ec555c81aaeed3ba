package imap

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"strconv"
	"strings"
)

// Source is what Reader needs of a connection. *bufio.Reader is one; ReadSlice must behave as it does there. Lines may be
// longer than its buffer.
type Source interface {
	io.Reader
	ReadSlice(delim byte) ([]byte, error)
}

// Config is what a Reader is made with.
type Config struct {
	Limits Limits

	// Continue sends "+" to a client that waits before it sends a literal, and flushes.
	Continue func() error

	// NonSyncLimit is the largest non-synchronizing literal accepted: 4096 for a server that advertises LITERAL-
	// (RFC 7888 5), 0 for one that advertises LITERAL+ and so has no limit of its own.
	NonSyncLimit int64
}

// Request is one command.
type Request struct {
	Tag     string
	Name    string // in capitals, with "UID " in front where it belongs to the command
	Command Command

	// Canonical has the mailbox names of the command that the client wrote differently from how they are: not in
	// Normalization Form C, or INBOX in other letters. Some commands answer them with LIST and OLDNAME (RFC 9051 6.3.9.7).
	Canonical []CanonicalName
}

// CanonicalName is a mailbox name as it was given, in UTF-8, and as it is.
type CanonicalName struct{ Given, Name string }

// Command is one of the command structs of this package.
type Command interface{ command() }

// Reader reads the commands of one connection. It holds no buffer between commands. It is not safe for concurrent use.
type Reader struct {
	src     Source
	config  Config
	limits  Limits
	dialect Dialect
	state   State

	tag, name  string  // of the command being read, for errors
	lineOctets int64   // of the last line, with its ending
	used       int     // octets that the current command has cost, against Limits.Command
	messages   *Append // the last command, while its messages are not all read
}

// NewReader returns a Reader for a client that is not authenticated and has enabled nothing.
func NewReader(src Source, config Config) *Reader {
	return &Reader{src: src, config: config, limits: config.Limits.withDefaults(), state: NotAuthenticated}
}

// Reset lets the reader go on with another source: the connection after STARTTLS or COMPRESS.
func (r *Reader) Reset(src Source) { r.src = src }

// SetLimits replaces the limits, for instance once the client has authenticated.
func (r *Reader) SetLimits(l Limits) { r.limits = l.withDefaults() }

// SetDialect tells what the client has enabled.
func (r *Reader) SetDialect(d Dialect) { r.dialect = d }

// SetState tells the connection's state. A command that it does not allow is refused before any literal is accepted.
func (r *Reader) SetState(s State) { r.state = s }

// ReadCommand reads the next command. Before that it drops what the caller has left of the messages of an Append.
//
// An error is an *Error, which is the reply to send, or the source's. io.EOF says that the connection ended between two
// commands, io.ErrUnexpectedEOF that it ended within one. With an *Error the Request holds what was read before it, as far
// as it goes: a SEARCH RETURN (SAVE) that is refused with NO empties the saved result (RFC 9051 6.4.4.1).
func (r *Reader) ReadCommand() (Request, error) {
	if r.messages != nil {
		if err := r.messages.Discard(); err != nil {
			return Request{}, err
		}
	}
	r.tag, r.name, r.used = "", "", 0
	p := &parser{r: r}
	p.nextLine()
	if p.err == io.EOF {
		return Request{}, io.EOF
	}
	command := p.command()
	if p.err != nil {
		return Request{Tag: r.tag, Name: r.name, Command: command}, p.giveUp()
	}
	return Request{Tag: r.tag, Name: r.name, Command: command, Canonical: p.canonical}, nil
}

// ReadAuthResponse reads the client's answer to a challenge of AUTHENTICATE. A client that cancels gets the *Error that
// RFC 9051 6.2.2 asks for.
func (r *Reader) ReadAuthResponse() ([]byte, error) {
	line, err := r.readReply()
	if err != nil {
		return nil, err
	}
	if string(line) == "*" {
		return nil, r.failure(BAD, "", "authentication cancelled")
	}
	response, err := base64.StdEncoding.Strict().DecodeString(string(line))
	if err != nil {
		return nil, r.failure(BAD, "", "the response is not valid base64")
	}
	return response, nil
}

// ReadDone waits for the end of IDLE (RFC 2177).
func (r *Reader) ReadDone() error {
	line, err := r.readReply()
	if err != nil {
		return err
	}
	if !strings.EqualFold(string(line), "DONE") {
		return r.failure(BAD, "", "expected DONE")
	}
	return nil
}

// readReply reads a line that belongs to the command last read.
func (r *Reader) readReply() ([]byte, error) {
	p := &parser{r: r}
	if p.nextLine(); p.err != nil {
		return nil, p.giveUp()
	}
	return p.line, nil
}

func (r *Reader) failure(cond Condition, code Code, text string) *Error {
	return &Error{Tag: r.tag, Command: r.name, Condition: cond, Code: code, Text: text}
}

// Of a line that is too long the beginning is kept, which has the tag, and the end, which may announce a literal.
const (
	keptHead = 512
	keptTail = 64
)

// readLine reads one line and returns it without its ending; io.EOF means that no command was begun. A defect is what is
// wrong with the line; then line holds at least its beginning and its end. The line is valid until the source is read
// again.
func (r *Reader) readLine() (line []byte, defect *Error, err error) {
	line, err = r.src.ReadSlice('\n')
	r.lineOctets = int64(len(line))
	if err == bufio.ErrBufferFull {
		line, defect, err = r.readLongLine(line)
	}
	if err != nil {
		if len(line) > 0 || r.used > 0 {
			err = midCommand(err)
		}
		return nil, nil, err
	}
	if defect == nil {
		defect = r.checkLine(line)
	}
	return bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r")), defect, nil
}

// readLongLine goes on with a line that did not fit the source's buffer.
func (r *Reader) readLongLine(start []byte) (line []byte, defect *Error, err error) {
	line = bytes.Clone(start)
	for full := true; full; {
		var chunk []byte
		chunk, err = r.src.ReadSlice('\n')
		if r.lineOctets += int64(len(chunk)); r.lineOctets > r.limits.Discard {
			return nil, r.lostPlace(), nil
		}
		if full = err == bufio.ErrBufferFull; err != nil && !full {
			return line, nil, err
		}
		line = append(line, chunk...)
		if len(line) > r.limits.Line+2 && len(line) > keptHead+keptTail {
			line = append(line[:keptHead], line[len(line)-keptTail:]...)
			defect = r.lineTooLong()
		}
	}
	return line, defect, nil
}

func (r *Reader) lineTooLong() *Error {
	return r.failure(BAD, CodeTooBig, "a line has at most "+strconv.Itoa(r.limits.Line)+" octets")
}

func (r *Reader) checkLine(line []byte) *Error {
	text, ended := bytes.CutSuffix(line, []byte("\r\n"))
	switch {
	case len(text) > r.limits.Line:
		return r.lineTooLong()
	case !ended:
		return r.failure(BAD, "", "a line must end with CR LF, not with LF alone")
	case bytes.IndexByte(text, 0) >= 0:
		return r.failure(BAD, "", "a line must not hold a NUL")
	case bytes.IndexByte(text, '\r') >= 0:
		return r.failure(BAD, "", "a line must not hold a CR except at its end")
	}
	return nil
}

func (r *Reader) lostPlace() *Error {
	e := r.failure(BYE, CodeTooBig, "the command is larger than this server reads even to refuse it")
	e.Fatal = true
	return e
}

// skip drops the rest of a command of which line is the last line read: the literals that the client sends without
// waiting, and the lines between (RFC 7888 3 and 4). A literal for which the client waits is never sent once the command
// has been refused.
func (r *Reader) skip(line []byte) error {
	budget := r.limits.Discard
	for {
		lit, _, ok := cutLiteral(line)
		if !ok || !lit.NonSync {
			return nil
		}
		if budget -= lit.Size; budget < 0 {
			return r.lostPlace()
		}
		if _, err := io.CopyN(io.Discard, r.src, lit.Size); err != nil {
			return midCommand(err)
		}
		next, defect, err := r.readLine()
		if err != nil {
			return midCommand(err)
		}
		if defect != nil && defect.Fatal {
			return defect
		}
		if budget -= r.lineOctets; budget < 0 {
			return r.lostPlace()
		}
		line = next
	}
}

// midCommand is err for a connection that ends where it must not.
func midCommand(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
