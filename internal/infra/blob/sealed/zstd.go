package sealed

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// Encoders and decoders are single-threaded and start no goroutine; they are taken for the time of one frame.
var (
	encoders = sync.Pool{New: func() any {
		e, err := zstd.NewWriter(nil,
			zstd.WithEncoderLevel(zstd.SpeedFastest),
			zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(frameSize),
			zstd.WithEncoderCRC(false), // the tag of the seal is the better checksum
			zstd.WithSingleSegment(true))
		if err != nil {
			return err
		}
		return e
	}}
	decoders = sync.Pool{New: func() any {
		d, err := zstd.NewReader(nil,
			zstd.WithDecoderConcurrency(1),
			zstd.WithDecoderMaxMemory(frameSize),
			zstd.WithDecodeAllCapLimit(true)) // never more than the room given
		if err != nil {
			return err
		}
		return d
	}}
)

// compress appends a compressed frame to dst. It reports false, and dst may be anything, when that is not worth it.
func compress(dst, clear []byte) ([]byte, bool) {
	e, ok := encoders.Get().(*zstd.Encoder)
	if !ok {
		return dst, false
	}
	defer encoders.Put(e)
	before := len(dst)
	dst = e.EncodeAll(clear, dst)
	return dst, len(dst)-before <= len(clear)-len(clear)/16-1
}

// decompress fills dst with what packed holds, which must be as long.
func decompress(dst, packed []byte) error {
	d, ok := decoders.Get().(*zstd.Decoder)
	if !ok {
		return fmt.Errorf("no zstd decoder")
	}
	defer decoders.Put(d)
	out, err := d.DecodeAll(packed, dst[:0:len(dst)])
	if err == nil && len(out) != len(dst) {
		err = fmt.Errorf("%d bytes where %d should be", len(out), len(dst))
	}
	return err
}
