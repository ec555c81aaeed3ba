package search

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"sync"
	"unicode/utf8"

	"github.com/mailmesh/mailmesh/internal/rfc/casemap"
	"github.com/mailmesh/mailmesh/internal/rfc/message"
)

// window is how much decoded text is looked at together.
const window = 32 << 10

// scan decides by reading the content through, once for all keys and no further than needed.
func (q *Query) scan(e *evidence) (verdict, error) {
	summary, err := e.message.Summary()
	if err != nil {
		return unknown, err
	}
	content, err := e.message.Content()
	if err != nil {
		return unknown, err
	}
	s := newScanner(q, e.hits)
	defer s.release()
	e.hits = s.hits
	if q.ranked {
		if err := s.words(content, summary.Root); err != nil {
			return unknown, err
		}
		e.hits = s.hits
	}
	judge := func() (verdict, error) { return e.judge(q.key) }
	if v, err := judge(); v != unknown || err != nil {
		return v, err
	}
	if s.wantsHeaders() {
		fields, err := summary.Root.HeaderText(content)
		if err != nil {
			return unknown, err
		}
		s.header([]byte(fields))
		if v, err := judge(); v != unknown || err != nil {
			return v, err
		}
		if v, err := s.read(summary.Root.PartHeaderText(content), judge); v != unknown || err != nil {
			return v, err
		}
	}
	s.inBody, s.body = true, len(s.window)
	if v, err := s.read(summary.Root.BodyText(content), judge); v != unknown || err != nil {
		return v, err
	}
	s.end()
	return judge()
}

// scanner looks for all open needles of a query in a text that comes in pieces: the header, the headers of the parts, the
// body. A needle may lie across pieces, so the end of what was looked at stays in the window.
type scanner struct {
	q    *Query
	hits Hits
	open []needle
	*buffers
	body   int // where in the window the body begins
	inBody bool
}

// buffers are what a scanner needs while it reads.
type buffers struct {
	raw    []byte // decoded text that is not in the window yet
	window []byte // in the form for comparing
}

var pool = sync.Pool{New: func() any { return new(buffers) }}

// grown is raw, empty, with room for n bytes.
func (b *buffers) grown(n int) []byte { return slices.Grow(b.raw[:0], n) }

func newScanner(q *Query, known Hits) *scanner {
	s := &scanner{q: q, hits: q.newHits(), buffers: pool.Get().(*buffers)}
	s.raw, s.window = s.grown(max(window, q.overlap)), s.window[:0]
	copy(s.hits.verdicts, known.verdicts)
	copy(s.hits.weights, known.weights)
	s.hits.length = known.length
	for i := range q.needles {
		if s.hits.verdicts[i] == unknown {
			s.open = append(s.open, needle(i))
		}
	}
	return s
}

// release gives the buffers back unless an odd query made them large.
func (s *scanner) release() {
	if cap(s.raw)+cap(s.window) <= 16*window {
		pool.Put(s.buffers)
	}
}

func (s *scanner) wantsHeaders() bool {
	return slices.ContainsFunc(s.open, func(n needle) bool { return !s.q.needles[n].body })
}

// header takes the message's own header.
func (s *scanner) header(fields []byte) {
	s.window = casemap.Append(s.window, fields)
	s.fields(s.window)
	s.look()
}

// words decides the keys that ask for words, by as much of the text as an index would keep.
func (s *scanner) words(content io.ReaderAt, root *message.Part) error {
	k, err := extract(content, root)
	if err != nil && !errors.Is(err, errTooLong) {
		return err
	}
	s.hits.length = len(k.text)
	for i := range s.q.needles {
		if s.q.needles[i].words {
			s.hits.verdicts[i] = no
		}
	}
	k.weigh(s.q, make([]bool, len(s.q.needles)), s.hits)
	s.open = slices.DeleteFunc(s.open, func(n needle) bool { return s.q.needles[n].words })
	return nil
}

// fields decides the keys that ask for a header field.
func (s *scanner) fields(header []byte) {
	s.open = slices.DeleteFunc(s.open, func(n needle) bool {
		c := &s.q.needles[n]
		if c.field != "" {
			s.hits.verdicts[n] = decided(inField(header, c))
		}
		return c.field != ""
	})
}

// read takes a text until its end, or until judge can say more than unknown.
func (s *scanner) read(r io.Reader, judge func() (verdict, error)) (verdict, error) {
	for {
		n, err := io.ReadFull(r, s.raw[len(s.raw):cap(s.raw)])
		s.raw = s.raw[:len(s.raw)+n]
		last := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
		if err != nil && !last {
			return unknown, err
		}
		whole := len(s.raw)
		if !last {
			whole = wholeRunes(s.raw)
		}
		s.window = casemap.Append(s.window, s.raw[:whole])
		s.raw = append(s.raw[:0], s.raw[whole:]...)
		if s.look() {
			if v, err := judge(); v != unknown || err != nil {
				return v, err
			}
		}
		if last {
			return unknown, nil
		}
	}
}

// look looks through the window, reports whether something was found, and leaves in it what may be the beginning of more.
func (s *scanner) look() (found bool) {
	s.open = slices.DeleteFunc(s.open, func(n needle) bool {
		c, text := &s.q.needles[n], s.window
		if c.body {
			if !s.inBody {
				return false
			}
			text = s.window[s.body:]
		}
		if !c.in(text) {
			return false
		}
		s.hits.verdicts[n], found = yes, true
		return true
	})
	cut := max(0, len(s.window)-s.q.overlap+1)
	s.window = append(s.window[:0], s.window[min(cut, len(s.window)):]...)
	s.body = max(0, s.body-cut)
	return found
}

// end: what was not found is not there.
func (s *scanner) end() {
	for _, n := range s.open {
		s.hits.verdicts[n] = no
	}
}

// inField looks at the lines "NAME: VALUE" of a header.
func inField(header []byte, c *content) bool {
	for line := range bytes.Lines(header) {
		if value, is := bytes.CutPrefix(line, []byte(c.field)); is && c.in(bytes.TrimSuffix(value, []byte("\n"))) {
			return true
		}
	}
	return false
}

// wholeRunes is the length of b without a character that is cut off at its end.
func wholeRunes(b []byte) int {
	for i := 1; i < utf8.UTFMax && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return len(b) - i
			}
			break
		}
	}
	return len(b)
}
