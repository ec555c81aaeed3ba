package imap

import (
	"iter"
	"strconv"

	"github.com/mailmesh/mailmesh/internal/rfc/thread"
)

// Thread asks which messages match, and how they belong together (RFC 5256 3).
type Thread struct {
	UID       bool
	Algorithm thread.Algorithm
	Charset   string // in capitals
	Key       SearchKey
}

func threadSyntax() extension { return extension{verbs: both("THREAD", parseThread)} }

func (Thread) command() {}

func parseThread(p *parser, uid bool) Command {
	c := Thread{UID: uid}
	p.sp()
	switch c.Algorithm = thread.Algorithm(p.name("a threading algorithm")); c.Algorithm {
	case thread.OrderedSubject, thread.References, thread.Refs:
	default:
		p.bad("unknown threading algorithm " + string(c.Algorithm))
	}
	p.sp()
	c.Charset = p.searchCharset()
	p.sp()
	c.Key = p.searchProgram(p.searchWord())
	return c
}

// Thread sends threads (RFC 5256 4).
func (e *Encoder) Thread(threads iter.Seq[thread.Node]) {
	e.untagged("THREAD")
	w := threadWriter{Encoder: e}
	for n := range threads {
		w.node(n)
		if len(e.buf) >= flushAt {
			e.Flush()
		}
	}
	e.end()
}

// threadWriter writes the nodes of threads one by one.
type threadWriter struct {
	*Encoder
	begun bool
	open  []siblings // from the top down to the last node
}

// siblings are nodes of one parent.
type siblings struct {
	left   int  // still to come
	nested bool // they are several: each has parentheses
}

func (w *threadWriter) node(n thread.Node) {
	if n.Depth == 0 {
		if !w.begun {
			w.buf = append(w.buf, ' ')
		}
		w.begun = true
		w.open = append(w.open[:0], siblings{1, true})
	}
	level := &w.open[n.Depth]
	level.left--
	switch {
	case level.nested:
		w.buf = append(w.buf, '(')
	default:
		w.buf = append(w.buf, ' ')
	}
	if n.Number != 0 {
		w.buf = strconv.AppendUint(w.buf, uint64(n.Number), 10)
	}
	if n.Children > 0 {
		if n.Children > 1 && n.Number != 0 {
			w.buf = append(w.buf, ' ')
		}
		w.open = append(w.open, siblings{n.Children, n.Children > 1})
		return
	}
	w.close()
}

// close ends what ends with the last node: its own parentheses, and those of all parents that have no further children.
func (w *threadWriter) close() {
	for len(w.open) > 0 {
		level := w.open[len(w.open)-1]
		if level.nested {
			w.buf = append(w.buf, ')')
		}
		if level.left > 0 {
			return
		}
		w.open = w.open[:len(w.open)-1]
	}
}
