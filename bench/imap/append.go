package imap

import (
	"fmt"
	"strconv"
)

// Appender sends messages to a mailbox in batches: one APPEND with many messages
// where the server has MULTIAPPEND (RFC 3502), else pipelined APPENDs; literals
// without waiting where it has LITERAL+ or LITERAL- (RFC 7888), else each waits
// for the server's go-ahead.
type Appender struct {
	c       *Conn
	mailbox string
	multi   bool
	open    bool // a MULTIAPPEND command has begun
	pending [][]byte
}

// appendFlush is when a batch is written out although it has not ended.
const appendFlush = 64 << 10

// Appender begins with the first Add.
func (c *Conn) Appender(mailbox string) *Appender {
	return &Appender{c: c, mailbox: Quote(mailbox), multi: c.Offers("MULTIAPPEND")}
}

// Add puts one message, given in parts, into the batch. Flags is a list without
// parentheses and may be empty.
func (a *Appender) Add(flags string, parts ...[]byte) error {
	c := a.c
	if a.multi && a.open {
		c.out = append(c.out, ' ')
	} else {
		c.begin("APPEND " + a.mailbox + " ")
		a.pending = append(a.pending, []byte(string(c.tag)))
		a.open = true
	}
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	if flags != "" {
		c.out = append(append(append(c.out, '('), flags...), ") "...)
	}
	if err := a.literal(size); err != nil {
		return err
	}
	for _, part := range parts {
		c.out = append(c.out, part...)
		if len(c.out) >= appendFlush {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	if !a.multi {
		c.out = append(c.out, "\r\n"...)
	}
	return nil
}

func (a *Appender) literal(size int) error {
	c := a.c
	c.out = strconv.AppendInt(append(c.out, '{'), int64(size), 10)
	// RFC 7888 5: LITERAL- allows what does not wait up to 4096 bytes; RFC 9051
	// 4.3 the same for IMAP4rev2.
	small := size <= 4096 && (c.Offers("LITERAL-") || c.Offers("IMAP4REV2"))
	if c.Offers("LITERAL+") || small {
		c.out = append(c.out, "+}\r\n"...)
		return nil
	}
	c.out = append(c.out, "}\r\n"...)
	if err := c.flush(); err != nil {
		return err
	}
	return a.awaitContinue()
}

// awaitContinue reads to the go-ahead for a literal, collecting the ends of
// earlier commands on the way.
func (a *Appender) awaitContinue() error {
	for {
		if len(a.pending) > 0 {
			a.c.tag = append(a.c.tag[:0], a.pending[0]...)
		}
		r, err := a.c.Next()
		switch {
		case err != nil:
			return fmt.Errorf("APPEND: %w", err)
		case r.Tag == Continue:
			a.c.tag = append(a.c.tag[:0], a.pending[len(a.pending)-1]...)
			return nil
		case r.Tag == Tagged && !r.Is("OK"):
			return &StatusError{"APPEND", string(r.Kind), string(r.Rest)}
		case r.Tag == Tagged:
			a.pending = a.pending[1:]
		}
	}
}

// Flush ends the batch and waits until the server has accepted all of it.
func (a *Appender) Flush() error {
	c := a.c
	if !a.open {
		return nil
	}
	if a.multi {
		c.out = append(c.out, "\r\n"...)
	}
	if err := c.flush(); err != nil {
		return err
	}
	for _, tag := range a.pending {
		c.tag = append(c.tag[:0], tag...)
		if err := c.finish("APPEND", nil); err != nil {
			return err
		}
	}
	a.pending, a.open = a.pending[:0], false
	return nil
}
