package search

import (
	"bytes"
	"errors"
	"io"
	"math"

	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

// maxText is how much text the index keeps of one message, in the form for comparing.
const maxText = 256 << 10

// kept is what the index keeps of a message: what a scanner would read, in the form for comparing.
type kept struct {
	text  []byte // header, headers of the parts, body
	parts int    // where the headers of the parts begin
	body  int    // where the body begins
	open  bool   // the body is not there, or not all of it: it must be read where it lies
}

// errTooLong says that not even the headers can be kept.
var errTooLong = errors.New("too much text to keep")

// extract makes what is kept of a message. Of one that is encrypted only the headers are, of one with too much text its
// beginning.
func extract(content io.ReaderAt, root *message.Part) (kept, error) {
	var k kept
	fields, err := root.HeaderText(content)
	if err != nil {
		return k, err
	}
	k.text = casemap.Append(nil, []byte(fields))
	k.parts = len(k.text)
	if err := k.append(root.PartHeaderText(content)); err != nil {
		return k, err
	}
	k.body = len(k.text)
	err = k.append(root.BodyText(content))
	switch {
	case bytes.Contains(k.text[k.body:], []byte("-----BEGIN PGP MESSAGE-----")):
		k.text, k.open = k.text[:k.body], true
	case errors.Is(err, errTooLong):
		k.text, k.open = k.text[:wholeRunes(k.text[:maxText])], true
	}
	if errors.Is(err, errTooLong) {
		err = nil
	}
	return k, err
}

// append takes a text until its end.
func (k *kept) append(r io.Reader) error {
	b := pool.Get().(*buffers)
	defer pool.Put(b)
	b.raw = b.grown(window)
	for {
		n, err := io.ReadFull(r, b.raw[len(b.raw):cap(b.raw)])
		b.raw = b.raw[:len(b.raw)+n]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return err
		}
		whole := len(b.raw)
		if !last {
			whole = wholeRunes(b.raw)
		}
		k.text = casemap.Append(k.text, b.raw[:whole])
		b.raw = append(b.raw[:0], b.raw[whole:]...)
		if len(k.text) > maxText {
			return errTooLong
		}
		if last {
			return nil
		}
	}
}

// hits says what a scanner would find, as far as what is kept tells it. none are the needles that are known to be in no text
// here.
func (k *kept) hits(q *Query, none []bool, into Hits) Hits {
	into.length = len(k.text)
	for i := range q.needles {
		into.verdicts[i] = no
		switch c := &q.needles[i]; {
		case c.words:
			into.weights[i] = 0
		case !none[i]:
			into.verdicts[i] = k.find(c)
		case k.open && c.field == "":
			into.verdicts[i] = unknown
		}
	}
	if q.ranked {
		k.weigh(q, none, into)
	}
	return into
}

// weigh counts the words of a query. What is not kept of a message does not count.
func (k *kept) weigh(q *Query, none []bool, into Hits) {
	var plain *kept
	for i := range q.needles {
		c := &q.needles[i]
		if !c.words || none[i] {
			continue
		}
		if plain == nil {
			plain = k.unmarked()
		}
		into.weights[i] = uint16(min(plain.weight(c), math.MaxUint16))
		into.verdicts[i] = decided(into.weights[i] > 0)
	}
}

func (k *kept) find(c *content) verdict {
	switch {
	case c.field != "":
		return decided(inField(k.text[:k.parts], c))
	case c.body && c.in(k.text[k.body:]) || !c.body && c.in(k.text):
		return yes
	case k.open:
		return unknown
	}
	return no
}
