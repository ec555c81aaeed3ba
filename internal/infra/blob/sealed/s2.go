package sealed

import (
	"fmt"
	"slices"

	"github.com/klauspost/compress/s2"
)

// quickMost is the size of the largest body that is compressed with S2.
const quickMost = 16 << 10

// compressQuick is compress with S2.
func compressQuick(dst, clear []byte) ([]byte, bool) {
	before := len(dst)
	dst = slices.Grow(dst, s2.MaxEncodedLen(len(clear)))
	n := len(s2.Encode(dst[before:before+s2.MaxEncodedLen(len(clear))], clear))
	return dst[:before+n], n <= len(clear)-len(clear)/16-1
}

// decompressQuick is decompress for what compressQuick made.
func decompressQuick(dst, packed []byte) error {
	n, err := s2.DecodedLen(packed)
	if err == nil && n != len(dst) {
		err = fmt.Errorf("%d bytes where %d should be", n, len(dst))
	}
	if err != nil {
		return err
	}
	_, err = s2.Decode(dst, packed)
	return err
}
