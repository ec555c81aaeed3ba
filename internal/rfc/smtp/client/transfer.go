package client

import (
	"fmt"
	"strconv"
	"time"
)

// data sends the content behind DATA.
func (t *transaction) data(last bool) error {
	c := t.c
	if err := t.envelope("DATA\r\n"); err != nil {
		return err
	}
	if !c.Offers("PIPELINING") {
		if t.accepted == 0 {
			return nil
		}
		c.out = append(c.out, "DATA\r\n"...)
		if err := c.flush(); err != nil {
			return err
		}
	}
	r, err := t.read(c.opts.Times.Data, AtData)
	switch {
	case err != nil:
		return err
	case r.Code/100 > 3:
		t.decide(r, AtData)
		return nil
	case r.Code != 354:
		return fmt.Errorf("%w: DATA was answered with %d", ErrReply, r.Code)
	case t.accepted == 0:
		// RFC 2920 3.1: DATA may be taken although no recipient was; then it is ended with nothing in it.
		c.out = append(c.out, ".\r\n"...)
		if err := c.flush(); err != nil {
			return err
		}
		_, err := t.read(c.opts.Times.End, Undecided)
		return err
	}
	return t.dataContent(last)
}

// dataContent writes the content and the line with the dot.
func (t *transaction) dataContent(last bool) error {
	c := t.c
	for {
		c.out = append(c.out, t.b.text...)
		if last {
			c.out = append(c.out, ".\r\n"...)
		}
		if err := t.flush(last); err != nil {
			return err
		}
		if last {
			return t.end()
		}
		var err error
		if last, err = t.block(); err != nil {
			return err
		}
	}
}

// oneWrite sends envelope and content together (RFC 3030 4.2).
func (t *transaction) oneWrite() error {
	c := t.c
	t.appendEnvelope()
	t.appendChunk(true)
	if err := t.flush(true); err != nil {
		return err
	}
	if err := t.readEnvelope(); err != nil {
		return err
	}
	if t.accepted > 0 {
		return t.end()
	}
	// RFC 3030 4.2: BDAT without a recipient is refused.
	r, err := t.read(c.opts.Times.End, Undecided)
	if err == nil && unknown(r.Code) {
		t.result.Ended = false
		err = ErrNoChunking
	}
	return err
}

// chunks sends the envelope, then the content in BDAT commands; with PIPELINING each before the reply to the one before it.
func (t *transaction) chunks(last bool) error {
	if err := t.envelope(""); err != nil || t.accepted == 0 {
		return err
	}
	waiting := 0 // chunks whose replies are still to come
	for {
		t.appendChunk(last)
		if err := t.flush(last); err != nil {
			return err
		}
		waiting++
		for waiting > 0 && !last && (waiting > 1 || !t.c.Offers("PIPELINING")) {
			ok, err := t.chunkReply(waiting - 1)
			if err != nil || !ok {
				return err
			}
			waiting--
		}
		if last {
			break
		}
		var err error
		if last, err = t.block(); err != nil {
			return err
		}
	}
	for ; waiting > 1; waiting-- {
		if ok, err := t.chunkReply(waiting - 1); err != nil || !ok {
			return err
		}
	}
	return t.end()
}

func (t *transaction) appendChunk(last bool) {
	c := t.c
	c.out = strconv.AppendInt(append(c.out, "BDAT "...), int64(len(t.b.text)), 10)
	if last {
		c.out = append(c.out, " LAST"...)
	}
	c.out = append(append(c.out, '\r', '\n'), t.b.text...)
}

// chunkReply reads the reply to a chunk that is not the last. When it is refused, so is what is on its way behind it.
func (t *transaction) chunkReply(behind int) (ok bool, err error) {
	r, err := t.read(t.c.opts.Times.End, AtEnd)
	if err != nil || r.Code/100 == 2 {
		return err == nil, err
	}
	if unknown(r.Code) {
		return false, ErrNoChunking
	}
	t.decide(r, AtEnd)
	for range behind {
		if _, err := t.read(t.c.opts.Times.End, AtEnd); err != nil {
			return false, err
		}
	}
	return false, nil
}

// flush writes what waits, a part of the content, the last of which needs the right to end.
func (t *transaction) flush(last bool) error {
	c := t.c
	if last {
		if t.m.MayEnd != nil && !t.m.MayEnd() {
			return ErrNotOurs
		}
		t.result.Ended = true
	}
	until := time.Now().Add(c.opts.Times.Block)
	if t.until.Before(until) {
		until = t.until
	}
	c.nc.SetWriteDeadline(until)
	_, err := c.nc.Write(c.out)
	c.out = c.out[:0]
	if err != nil {
		t.lastWords()
	}
	return err
}

// lastWords looks for a reply that explains why nothing more can be written: servers say why before they close.
func (t *transaction) lastWords() {
	if r, err := t.c.read(time.Second); err == nil && r.code >= 400 {
		t.decide(r.mail(), AtData)
	}
}

// end reads the reply to the end of the content, which decides for all whom RCPT has accepted.
func (t *transaction) end() error {
	r, err := t.read(t.c.opts.Times.End, AtEnd)
	switch {
	case err != nil:
		return err
	case unknown(r.Code) && t.c.Offers("CHUNKING"):
		t.result.Ended = false
		return ErrNoChunking
	case r.Code/100 == 3:
		return fmt.Errorf("%w: the content was answered with %d", ErrReply, r.Code)
	}
	t.decide(r, AtEnd)
	// RFC 3030 4.2: what follows a BDAT that was refused is undefined before RSET.
	t.c.dirty = r.Code/100 != 2
	return nil
}

// unknown reports whether a code says that the command is not known, or not implemented.
func unknown(code int) bool { return code == 500 || code == 502 }
