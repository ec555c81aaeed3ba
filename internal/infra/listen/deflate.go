package listen

import (
	"bufio"
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/flate"

	"github.com/mailmesh/mailmesh/internal/infra/listen/inflate"
)

// Deflated is a connection compressed in both directions, as COMPRESS=DEFLATE (RFC 4978) asks: raw DEFLATE (RFC 1951).
// What is written is flushed with every Write, so give it whole replies. What is read is handed out as soon as it has
// come, however the peer flushed it (package inflate).
//
// It holds some 45 KiB: the peer may refer to the last 32 KiB it sent at any time. Compressing keeps only the last 8 KiB. One
// goroutine may read while another writes. After an error of Read, a deadline's too, reading is over.
type Deflated struct {
	conn io.Writer
	in   *inflate.Reader
	said []byte // the end of what was written, to which a later Write may refer
}

const (
	deflateHistory = 8 << 10 // more is not used by flate.StatelessDeflate
	deflatedChunk  = 512     // read at a time: commands are short
)

// Deflate compresses what goes through conn from now on.
func Deflate(conn io.ReadWriter) *Deflated {
	return &Deflated{
		conn: conn,
		in:   inflate.NewReader(bufio.NewReaderSize(conn, deflatedChunk)),
	}
}

// ErrDamaged is what Read returns when the peer's data are no DEFLATE.
var ErrDamaged = inflate.ErrCorrupt

// Read returns at least one byte, or an error.
func (d *Deflated) Read(p []byte) (int, error) { return d.in.Read(p) }

// deflating are buffers of compressed data that were written.
var deflating = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func (d *Deflated) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b := deflating.Get().(*bytes.Buffer)
	b.Reset()
	defer deflating.Put(b)
	if err := flate.StatelessDeflate(b, p, false, d.said); err != nil {
		return 0, err
	}
	d.remember(p)
	if _, err := d.conn.Write(b.Bytes()); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (d *Deflated) remember(p []byte) {
	if len(p) >= deflateHistory {
		d.said = append(d.said[:0], p[len(p)-deflateHistory:]...)
		return
	}
	if drop := len(d.said) + len(p) - deflateHistory; drop > 0 {
		d.said = append(d.said[:0], d.said[drop:]...)
	}
	d.said = append(d.said, p...)
}
