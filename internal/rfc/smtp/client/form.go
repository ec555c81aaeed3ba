package client

import (
	"fmt"
	"io"
	"time"

	"github.com/mailmesh/mailmesh/internal/mail"
)

// form is how a message travels to this server.
type form struct {
	binary   bool // as it is, in BDAT
	eightBit bool
	utf8     bool
}

// choose finds the form, and decides for the recipients to whom there is none. Nothing is converted: that would break signatures,
// and RFC 6152 3, RFC 3030 3 and RFC 6531 3.4 leave only to return the message.
func (c *Conn) choose(t *transaction) error {
	e := t.m.Envelope
	if refusal, ok := c.unable(e, t.m.Size, t.began); ok {
		t.decide(refusal, Unsent)
		return nil
	}
	t.m.form = form{binary: e.Body == mail.BodyBinary, eightBit: c.Offers("8BITMIME")}
	plain := !t.m.form.eightBit && (e.Body == mail.Body8BitMIME || e.Body == mail.BodyUnstated)
	foreign := !e.ReversePath.IsASCII()
	for i := range e.Recipients {
		foreign = foreign || !e.Recipients[i].Address.IsASCII()
	}
	switch {
	case (e.SMTPUTF8 || foreign) && c.Offers("SMTPUTF8"):
		t.m.form.utf8 = true
	case foreign:
		t.refuseForeign()
	}
	if header := e.SMTPUTF8 && !t.m.form.utf8; plain || header {
		return t.refuseContent(plain, header)
	}
	return nil
}

// unable says what the server would have to offer for this message.
func (c *Conn) unable(e *mail.Envelope, size int64, now time.Time) (mail.Reply, bool) {
	limit, left := c.offered.number("SIZE"), e.DeliverBy.Time.Sub(now)
	switch {
	case limit > 0 && size > limit: // RFC 1870 6.1: it need not be tried
		return refusal(552, 5, 3, 4, fmt.Sprintf("the message has %d bytes, the host takes %d", size, limit)), true
	case e.RequireTLS && (c.tls == nil || !c.Offers("REQUIRETLS")):
		return refusal(550, 5, 7, 30, "the message asks for REQUIRETLS, which the host does not offer"), true
	case e.Body == mail.BodyBinary && !(c.Offers("BINARYMIME") && c.Offers("CHUNKING")):
		return refusal(554, 5, 6, 3, "the message is BINARYMIME, which the host does not take"), true
	case e.DeliverBy.Time.IsZero() || !e.DeliverBy.Return:
	case !c.Offers("DELIVERBY"): // RFC 2852 4: who does not know of the time could not give up
		return refusal(550, 5, 4, 7, "the message is to be delivered in time or returned, and the host does not offer DELIVERBY"), true
	case left <= 0 || left < time.Duration(c.offered.number("DELIVERBY"))*time.Second:
		return refusal(550, 5, 4, 7, "the message cannot be delivered in the time it asks for"), true
	}
	return mail.Reply{}, false
}

// refuseForeign decides for those whose address, or whose sender's, cannot be said without SMTPUTF8. Domains are A-labels and can.
func (t *transaction) refuseForeign() {
	why := refusal(553, 5, 6, 7, "the address is not ASCII, and the host does not offer SMTPUTF8")
	for i := range t.result.Answers {
		if !t.m.Envelope.ReversePath.IsASCII() || !t.m.Envelope.Recipients[i].Address.IsASCII() {
			t.result.Answers[i] = Answer{why, Unsent}
		}
	}
}

// refuseContent reads the content ahead, where the server does not take all that it could hold.
func (t *transaction) refuseContent(plain, header bool) error {
	inHeader, inBody, err := t.m.scan()
	switch {
	case err != nil:
		return &ContentError{err}
	case header && inHeader:
		t.decide(refusal(554, 5, 6, 9, "the header is not ASCII, and the host does not offer SMTPUTF8"), Unsent)
	case plain && (inHeader || inBody):
		t.decide(refusal(554, 5, 6, 3, "the message has 8-bit characters, and the host does not offer 8BITMIME"), Unsent)
	}
	return nil
}

// scan reports whether there are octets above 127 before and behind the first empty line.
func (m *Message) scan() (inHeader, inBody bool, err error) {
	content, err := m.Open()
	if err != nil {
		return false, false, err
	}
	defer content.Close()
	b := buffers.Get().(*buffer)
	defer buffers.Put(b)
	header, empty := true, true
	for {
		n, err := content.Read(b.in[:])
		for _, octet := range b.in[:n] {
			switch {
			case octet >= 0x80 && header:
				inHeader, empty = true, false
			case octet >= 0x80:
				return inHeader, true, nil
			case octet == '\n':
				header, empty = header && !empty, true
			case octet != '\r':
				empty = false
			}
		}
		if err == io.EOF {
			return inHeader, inBody, nil
		}
		if err != nil {
			return false, false, err
		}
	}
}

func refusal(code, class, subject, detail int, text string) mail.Reply {
	return mail.Reply{Code: code, Enhanced: mail.EnhancedCode{class, subject, detail}, Text: text}
}
