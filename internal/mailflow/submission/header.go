package submission

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
	"github.com/mailmesh/mailmesh/internal/rfc/smtp"
)

var (
	longHeader = reply(552, 5, 3, 4, fmt.Sprintf("the header is larger than %d bytes", MaxHeader))
	manyFields = reply(552, 5, 6, 0, fmt.Sprintf("the header has more than %d fields", MaxFields))
	loops      = reply(554, 5, 4, 6, fmt.Sprintf("the message has more than %d Received fields: it goes in circles", MaxReceived))
	// BODY=BINARYMIME lets these pass the door, for the body (RFC 3030 3). In a header different readers see different fields.
	bareHeader     = reply(550, 5, 6, 0, "the header holds a NUL, or a CR or LF that stands alone")
	tooManySenders = reply(550, 5, 6, 0, fmt.Sprintf("the message names more than %d senders", maxClaims))
	noAuthor       = reply(550, 5, 6, 0, "the field From names nobody")
)

// readHeader reads a header up to and with the blank line behind it, which is added where the content ends before it.
func readHeader(r *bufio.Reader) ([]byte, error) {
	var block []byte
	fields, starts := 0, true
	for {
		piece, err := r.ReadSlice('\n')
		if len(block)+len(piece) > MaxHeader {
			return nil, longHeader
		}
		if starts && header.IsBlank(piece) {
			return append(block, piece...), nil
		}
		if starts && len(piece) > 0 && !header.IsContinuation(piece) {
			if fields++; fields > MaxFields {
				return nil, manyFields
			}
		}
		block = append(block, piece...)
		starts = err == nil
		switch {
		case err == io.EOF:
			if len(block) > 0 && !bytes.HasSuffix(block, []byte("\n")) {
				block = append(block, "\r\n"...)
			}
			return append(block, "\r\n"...), nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

// head is a header as it is sent.
type head struct {
	block  []byte // complete, with the blank line
	bcc    []byte // the fields Bcc that were taken out
	author mail.Address

	automatic bool // a program sent it by itself
}

// edit is a header on its way to a head.
type edit struct {
	from    []mail.Address
	claimed []claim // whose addresses these are is to be asked
	seen    map[string]int
	kept    []byte
	bcc     []byte

	automatic bool
}

// maxClaims is how many addresses a message may say it is from, in all fields.
const maxClaims = 50

// claim is an address that the message says it is from.
type claim struct {
	field   string
	address mail.Address
}

// single are fields of which a message has one at most (RFC 5322 3.6), where a second one would tell readers different
// stories.
var single = map[string]bool{"from": true, "sender": true, "subject": true, "date": true, "message-id": true}

// readFields takes a header apart.
func readFields(block []byte) (*edit, error) {
	if lines := bytes.Count(block, []byte("\r\n")); bytes.Count(block, []byte("\r")) != lines || bytes.Count(block, []byte("\n")) != lines || bytes.IndexByte(block, 0) >= 0 {
		return nil, bareHeader
	}
	e := &edit{seen: map[string]int{}}
	end := 0
	for f := range header.Fields(block) {
		if f.Offset != end {
			return nil, reply(550, 5, 6, 0, fmt.Sprintf("the header holds a line that is no field: %.60q", firstLine(block[end:])))
		}
		end = f.Offset + f.Length
		name := strings.ToLower(string(f.Name))
		if e.seen[name]++; single[name] && e.seen[name] > 1 {
			return nil, reply(550, 5, 6, 0, fmt.Sprintf("the field %s is there twice", f.Name))
		}
		raw := block[f.Offset:end]
		switch name {
		case "bcc":
			e.bcc = append(e.bcc, raw...)
			continue
		case "resent-bcc", "return-path": // RFC 5321 4.4: only final delivery writes Return-Path
			continue
		case "auto-submitted": // RFC 3834 5: "no" is what a person sends, and comments may follow any value
			e.automatic = !strings.HasPrefix(strings.ToLower(strings.TrimSpace(f.Value())), "no")
		case "from", "sender", "resent-from", "resent-sender":
			if err := e.claim(name, string(f.Name), f.Value()); err != nil {
				return nil, err
			}
		}
		e.kept = append(e.kept, raw...)
	}
	if rest := block[end:]; !header.IsBlank(rest) {
		return nil, reply(550, 5, 6, 0, fmt.Sprintf("the header holds a line that is no field: %.60q", firstLine(rest)))
	}
	if e.seen["received"] > MaxReceived {
		return nil, loops
	}
	return e, nil
}

func firstLine(b []byte) []byte {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return bytes.TrimRight(line, "\r")
}

// claim notes the addresses of a field.
func (e *edit) claim(name, field, value string) error {
	list := header.ParseAddresses(value, maxClaims+1)
	if len(list) > maxClaims { // the marks of groups count, too: what lies behind the limit is not read, and would not be asked about
		return tooManySenders
	}
	for _, a := range list {
		if a.Kind != header.Mailbox {
			continue
		}
		if len(e.claimed) == maxClaims { // each costs a question to the directory
			return tooManySenders
		}
		address := mail.Address{Local: a.Local}
		var err error
		if address.Domain, err = smtp.ASCIIDomain(a.Domain); err != nil || address.Local == "" {
			return reply(550, 5, 6, 0, fmt.Sprintf("the field %s holds %.80q, which is no address", field, a.Spec()))
		}
		e.claimed = append(e.claimed, claim{field, address})
		if name == "from" {
			e.from = append(e.from, address)
		}
	}
	if name == "from" && len(e.from) == 0 {
		return noAuthor
	}
	return nil
}

// complete adds what is missing (RFC 6409 8). from is the address of who sends, with his name.
func (e *edit) complete(from netmail.Address, at time.Time) head {
	h := head{block: e.kept, bcc: e.bcc, automatic: e.automatic}
	add := func(name, value string) { h.block = append(h.block, name+": "+value+"\r\n"...) }
	if len(e.from) == 0 {
		add("From", from.String())
		h.author = parsed(from.Address)
	} else {
		h.author = e.from[0]
	}
	if len(e.from) > 1 && e.seen["sender"] == 0 { // RFC 5322 3.6.2
		add("Sender", from.String())
	}
	if e.seen["date"] == 0 {
		add("Date", at.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	}
	if e.seen["message-id"] == 0 {
		add("Message-ID", "<"+strings.ToLower(rand.Text())+"@"+h.author.Domain+">")
	}
	h.block = append(h.block, "\r\n"...)
	return h
}

func parsed(s string) mail.Address {
	a, _ := mail.ParseAddress(s) // it is one of ours
	return a
}
