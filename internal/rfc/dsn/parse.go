package dsn

import (
	"bufio"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode"

	"github.com/mailmesh/mailmesh/internal/mail"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
	"github.com/mailmesh/mailmesh/internal/rfc/message/header"
)

// Parse reads the report in a mail: a multipart/report with fields for a program. The error is mail.Invalid where it is none, or
// that of content.
func Parse(content io.ReaderAt, size int64) (Report, error) {
	m, err := message.Parse(io.NewSectionReader(content, 0, size), message.Limits{})
	if err != nil {
		return Report{}, err
	}
	status := Find(m.Root)
	if status == nil {
		return Report{}, mail.E("dsn.Parse", mail.Invalid, errors.New("the message is no multipart/report with delivery status fields"))
	}
	r, err := ParseStatus(status.Decoded(content))
	if err == nil {
		r.MessageID, err = returnedID(m.Root, content)
	}
	return r, err
}

// Find returns the part of a message that has the fields: the second of a multipart/report (RFC 6522 3), nil when the message is no
// report. Some mailers leave the report-type out.
func Find(root *message.Part) *message.Part {
	if root == nil || !root.Is("multipart", "report") {
		return nil
	}
	if kind := root.Params.Get("report-type"); kind != "" && !strings.EqualFold(kind, "delivery-status") {
		return nil
	}
	for _, p := range root.Children {
		if p.Is("message", "delivery-status") || p.Is("message", "global-delivery-status") {
			return p
		}
	}
	return nil
}

// returnedID is the Message-ID of the message that a report returns.
func returnedID(root *message.Part, content io.ReaderAt) (string, error) {
	for _, p := range root.Children {
		var block []byte
		var err error
		switch {
		case p.IsMessage():
			block, err = p.Children[0].ReadHeader(content, MaxHeader)
		case p.Is("text", "rfc822-headers"), p.Is("message", "global-headers"):
			block, err = io.ReadAll(io.LimitReader(p.Decoded(content), MaxHeader))
		}
		if err != nil {
			return "", err
		}
		if id := messageID(block); id != "" {
			return id, nil
		}
	}
	return "", nil
}

func messageID(block []byte) string {
	for f := range header.Fields(block) {
		if strings.EqualFold(string(f.Name), "Message-ID") {
			if ids := header.ParseMessageIDs(f.Value(), 1); len(ids) > 0 {
				return ids[0]
			}
		}
	}
	return ""
}

// ParseStatus reads the body of message/delivery-status, or of message/global-delivery-status. Fields that cannot be read are
// left out; recipients without an action or an address that can, too. The error is mail.Invalid where no recipient is left, or
// that of status.
func ParseStatus(status io.Reader) (Report, error) {
	b := blocks{in: bufio.NewReader(io.LimitReader(status, MaxStatus))}
	var r Report
	for first := true; ; first = false {
		block, err := b.next()
		if err != nil {
			return Report{}, err
		}
		if block == nil {
			break
		}
		if first {
			r.readMessageFields(block)
		}
		// Some mailers put no blank line between the fields of the message and those of its only recipient.
		one, ok := readRecipient(block)
		if ok && len(r.Recipients) == MaxRecipients {
			b.cut = true
			break
		}
		if ok {
			r.Recipients = append(r.Recipients, one)
		}
	}
	r.Truncated = b.cut || b.read >= MaxStatus
	if len(r.Recipients) == 0 {
		return Report{}, mail.E("dsn.ParseStatus", mail.Invalid, errors.New("the fields name no recipient and what was done"))
	}
	return r, nil
}

// blocks cuts fields at blank lines.
type blocks struct {
	in   *bufio.Reader
	read int
	cut  bool // a block was longer than MaxBlock
}

// next returns the lines of a block, nil at the end.
func (b *blocks) next() ([]byte, error) {
	var block []byte
	started, full := true, false // a line has just begun; the block takes no more
	for {
		piece, err := b.in.ReadSlice('\n')
		b.read += len(piece)
		blank := started && header.IsBlank(piece)
		switch {
		case blank && len(block) > 0:
			return block, nil
		case blank:
		case full, len(block)+len(piece) > MaxBlock:
			full, b.cut = true, true
		default:
			block = append(block, piece...)
		}
		switch started = err == nil; {
		case err == io.EOF:
			return block, nil
		case err != nil && !errors.Is(err, bufio.ErrBufferFull):
			return nil, err
		}
	}
}

func (r *Report) readMessageFields(block []byte) {
	for f := range header.Fields(block) {
		value := strings.TrimSpace(f.Value())
		switch strings.ToLower(string(f.Name)) {
		case "original-envelope-id":
			r.EnvID = value
		case "reporting-mta":
			_, r.ReportingMTA = cutType(value)
		case "received-from-mta":
			_, r.ReceivedFrom = cutType(value)
		case "arrival-date":
			r.Arrival, _ = header.ParseDate(value)
		}
	}
}

func readRecipient(block []byte) (r Recipient, ok bool) {
	for f := range header.Fields(block) {
		value := strings.TrimSpace(f.Value())
		switch strings.ToLower(string(f.Name)) {
		case "original-recipient":
			a := parseAddress(value)
			r.Original = mail.OriginalRecipient{Type: a.Type, Address: a.Text}
		case "final-recipient":
			r.Final = parseAddress(value)
		case "action":
			r.Action = parseAction(value)
		case "status":
			r.Status = parseStatus(value)
		case "remote-mta":
			_, r.RemoteMTA = cutType(value)
		case "diagnostic-code":
			_, r.Diagnostic = cutType(value)
		case "last-attempt-date":
			r.LastAttempt, _ = header.ParseDate(value)
		case "will-retry-until":
			r.WillRetryUntil, _ = header.ParseDate(value)
		}
	}
	return r, r.Action != "" && r.Final.Text != ""
}

// cutType splits "type; value" (RFC 3464 2.1.2), which some write without a type.
func cutType(s string) (kind, value string) {
	kind, value, found := strings.Cut(s, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	if !found || kind == "" || strings.ContainsAny(kind, " \t@<\"") {
		return "", strings.TrimSpace(s)
	}
	return kind, strings.TrimSpace(value)
}

// parseAddress reads a recipient. Angle brackets, which some mailers write, do not belong to it.
func parseAddress(s string) Address {
	a := Address{}
	a.Type, a.Text = cutType(s)
	if a.Type == "" {
		a.Type = "rfc822"
	}
	if inner, ok := strings.CutPrefix(a.Text, "<"); ok && strings.HasSuffix(inner, ">") {
		a.Text = strings.TrimSuffix(inner, ">")
	}
	if a.Type == "utf-8" {
		a.Text = decodeAddress(a.Text)
	}
	return a
}

// decodeAddress undoes encodeAddress and the 7-bit form of RFC 6533 3. What is not an embedded character stays.
func decodeAddress(s string) string {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits, after, closed := strings.Cut(rest, "}")
		n, err := strconv.ParseUint(digits, 16, 21)
		if !closed || len(digits) > 6 || err != nil || unicode.IsControl(rune(n)) {
			b.WriteString(`\x{`)
			s = rest
			continue
		}
		b.WriteRune(rune(n))
		s = after
	}
}

// parseAction reads an action in any case; a comment may follow (RFC 3464 2.1.1).
func parseAction(s string) Action {
	word, _, _ := strings.Cut(s, "(")
	for _, action := range actions {
		if strings.EqualFold(strings.TrimSpace(word), string(action)) {
			return action
		}
	}
	return ""
}

// parseStatus reads a code of RFC 3463 2; a comment may follow. What is none is the zero code.
func parseStatus(s string) (c mail.EnhancedCode) {
	end := strings.IndexFunc(s, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end >= 0 {
		s = s[:end]
	}
	numbers := strings.Split(s, ".")
	if len(numbers) != len(c) {
		return mail.EnhancedCode{}
	}
	for i, number := range numbers {
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n > 999 {
			return mail.EnhancedCode{}
		}
		c[i] = int(n)
	}
	if c[0] != 2 && c[0] != 4 && c[0] != 5 {
		return mail.EnhancedCode{}
	}
	return c
}
