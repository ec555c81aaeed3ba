// Package message makes the messages of a load: unique, realistic, cheap.
//
// A message has an exact size, a Message-ID that names run, worker and number,
// prose that compresses about twofold, and in the X-Mailload-Body field the
// CRC-32C of its body, so that any receiver can check it with Verify. (The
// journal of a soak keeps a SHA-256 of the whole content besides.) Making one
// costs a header and a checksum; the body is a slice of a shared text.
package message

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
)

// MinSize is the smallest message that can be asked for: the header and a line.
const MinSize = 1024

const (
	idDomain  = "mailload.example"
	idField   = "Message-ID: <"
	bodyField = "X-Mailload-Body: crc32c="
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ID names a message of ours wherever it turns up.
type ID struct {
	Run    uint64
	Worker int
	Seq    int
}

// String is the Message-ID without its angle brackets.
func (id ID) String() string { return string(id.Append(nil)) }

// Append appends what String returns.
func (id ID) Append(b []byte) []byte {
	const hexDigits = "0123456789abcdef"
	for shift := 60; shift >= 0; shift -= 4 {
		b = append(b, hexDigits[id.Run>>shift&15])
	}
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(id.Worker), 10)
	b = append(b, '.')
	b = strconv.AppendInt(b, int64(id.Seq), 10)
	b = append(b, '@')
	return append(b, idDomain...)
}

// ParseID reads what String wrote; ok is false for any other Message-ID.
func ParseID(s string) (id ID, ok bool) {
	local, domain, _ := strings.Cut(s, "@")
	parts := strings.Split(local, ".")
	if domain != idDomain || len(parts) != 3 {
		return ID{}, false
	}
	run, err1 := strconv.ParseUint(parts[0], 16, 64)
	worker, err2 := strconv.Atoi(parts[1])
	seq, err3 := strconv.Atoi(parts[2])
	return ID{run, worker, seq}, errors.Join(err1, err2, err3) == nil
}

// FindID finds the ID in a header; ok is false when the message is not ours.
func FindID(header []byte) (id ID, ok bool) {
	at := bytes.Index(header, []byte(idField))
	if at < 0 || at > 0 && header[at-1] != '\n' {
		return ID{}, false
	}
	value, _, found := bytes.Cut(header[at+len(idField):], []byte(">"))
	if !found || len(value) > 200 {
		return ID{}, false
	}
	return ParseID(string(value))
}

// Message is valid until the next call of its generator's Next.
type Message struct {
	ID     ID
	Header []byte // with the empty line that ends it
	Body   []byte
	Tail   []byte // the end of the body: CRLF, the needle, lines with dots
	Dots   bool   // some line begins with a dot: SMTP DATA must stuff it
}

// Size is the number of bytes of content.
func (m *Message) Size() int { return len(m.Header) + len(m.Body) + len(m.Tail) }

// AppendTo appends the content to b.
func (m *Message) AppendTo(b []byte) []byte {
	return append(append(append(b, m.Header...), m.Body...), m.Tail...)
}

// SHA256 is the digest of the content.
func (m *Message) SHA256() (sum [sha256.Size]byte) {
	h := sha256.New()
	h.Write(m.Header)
	h.Write(m.Body)
	h.Write(m.Tail)
	h.Sum(sum[:0])
	return sum
}

// Options of a Generator.
type Options struct {
	Run     uint64 // the same for all workers of one run
	Worker  int
	Size    int  // exact size, or the smallest when MaxSize is larger
	MaxSize int  // sizes are spread evenly over the powers between Size and MaxSize
	Dots    bool // end bodies with lines that begin with dots, for testing transparency
	Seed    uint64
}

// NewRun draws the number of a run.
func NewRun() uint64 { return rand.Uint64() }

// Generator makes the messages of one worker; it is not safe for concurrent use.
type Generator struct {
	opts   Options
	text   *Text
	rng    *rand.Rand
	seq    int
	header []byte
	tail   []byte
	date   []byte
	dateAt int64
	msg    Message
}

// TextFor makes a text long enough for messages up to size, and long enough
// that two messages rarely share much.
func TextFor(seed uint64, size int) *Text { return NewText(seed, max(1<<20, 2*size)) }

// NewGenerator checks the sizes against MinSize and the text.
func NewGenerator(text *Text, opts Options) (*Generator, error) {
	opts.MaxSize = max(opts.MaxSize, opts.Size)
	if opts.Size < MinSize {
		return nil, fmt.Errorf("message size %d is too small: at least %d bytes are needed", opts.Size, MinSize)
	}
	if opts.MaxSize > len(text.bytes)/2 {
		return nil, fmt.Errorf("message size %d needs a text of %d bytes, this one has %d", opts.MaxSize, 2*opts.MaxSize, len(text.bytes))
	}
	return &Generator{
		opts: opts, text: text,
		rng: rand.New(rand.NewPCG(opts.Seed^opts.Run, uint64(opts.Worker))),
	}, nil
}

// Next makes the next message. A needle, when not empty, becomes a line of the
// body: a word that searches can look for.
func (g *Generator) Next(from, to, needle string) *Message {
	m := &g.msg
	m.ID = ID{g.opts.Run, g.opts.Worker, g.seq}
	g.seq++
	m.Header = g.makeHeader(m.ID, from, to)
	m.Tail = g.makeTail(needle)
	m.Dots = g.opts.Dots
	want := g.pickSize() - len(m.Header) - len(m.Tail)
	m.Body = g.text.cut(g.rng, want)
	if len(m.Body) < want { // the cut would have ended in a bare CR
		g.tail = slices.Insert(g.tail, 0, 'x')
		m.Tail = g.tail
	}
	sum := crc32.Update(crc32.Update(0, castagnoli, m.Body), castagnoli, m.Tail)
	putHex(m.Header[len(m.Header)-len("00000000\r\n\r\n"):], sum)
	return m
}

func (g *Generator) pickSize() int {
	size := g.opts.Size
	for size*2 <= g.opts.MaxSize && g.rng.IntN(2) == 0 {
		size *= 2
	}
	if top := min(size*2, g.opts.MaxSize); top > size {
		size += g.rng.IntN(top - size + 1)
	}
	return size
}

func (g *Generator) makeHeader(id ID, from, to string) []byte {
	now := time.Now()
	if s := now.Unix(); s != g.dateAt {
		g.dateAt, g.date = s, now.AppendFormat(g.date[:0], time.RFC1123Z)
	}
	h := append(g.header[:0], "From: Load Generator <"...)
	h = append(append(h, from...), ">\r\nTo: <"...)
	h = append(append(h, to...), ">\r\nSubject: "...)
	for i := range 3 + g.rng.IntN(5) {
		if i > 0 {
			h = append(h, ' ')
		}
		h = append(h, g.text.words[g.rng.IntN(vocabulary)]...)
	}
	h = append(append(h, "\r\nDate: "...), g.date...)
	h = append(append(h, "\r\n"...), idField...)
	h = id.Append(h)
	h = append(h, ">\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n"+
		"Content-Transfer-Encoding: 7bit\r\nUser-Agent: mailload\r\n"...)
	h = append(append(h, bodyField...), "00000000\r\n\r\n"...)
	g.header = h
	return h
}

func (g *Generator) makeTail(needle string) []byte {
	t := append(g.tail[:0], "\r\n"...)
	if needle != "" {
		t = append(append(t, needle...), "\r\n"...)
	}
	if g.opts.Dots {
		// RFC 5321 4.5.2: a line of one dot would end the mail were it not stuffed.
		t = append(t, ".\r\n..\r\n.begins with a dot\r\n"...)
	}
	g.tail = t
	return t
}

func putHex(b []byte, v uint32) {
	const hexDigits = "0123456789abcdef"
	for i := range 8 {
		b[i] = hexDigits[v>>(28-4*i)&15]
	}
}

// Verify checks a stored message, with or without trace fields before it, by
// the checksum that its header carries.
func Verify(stored []byte) error {
	header, body, found := bytes.Cut(stored, []byte("\r\n\r\n"))
	if !found {
		return errors.New("no empty line after the header")
	}
	at := bytes.LastIndex(header, []byte(bodyField))
	if at < 0 {
		return errors.New("no X-Mailload-Body field: not a message of mailload")
	}
	value := string(header[at+len(bodyField):])
	want, err := strconv.ParseUint(value, 16, 32)
	if err != nil || len(value) != 8 {
		return fmt.Errorf("X-Mailload-Body field is damaged: %q", value)
	}
	if got := crc32.Checksum(body, castagnoli); got != uint32(want) {
		return fmt.Errorf("body of %d bytes has CRC-32C %08x, was sent with %08x", len(body), got, want)
	}
	return nil
}
