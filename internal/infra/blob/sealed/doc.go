// Package sealed wraps a blob.Store so that it keeps compressed ciphertext: every body is sealed under a random key of its
// own, in frames, so that a range of a large body is read in bounded memory.
//
// # What it promises
//
//   - The key that Put returns is the only one that opens the body; it is drawn for this body and never used again.
//   - What Open reads is what was put. Frames that were changed, cut off, exchanged, repeated or taken from another body
//     are ErrDamaged, never other bytes.
//   - A Put holds at most two frames, a Reader at most one and, while it decodes, a second; both take them only when
//     there is something in them. Bodies are at most MaxSize.
//
// Seal and Open do the same with an object in memory, for rooms that keep sealed pieces in rows and open them often: they
// compress with S2, which gives half as much and opens four times as fast.
//
// It hides content, not size: how well a body compresses shows in the size of the sealed object.
//
// # The object, byte by byte
//
// Integers are big endian.
//
//	header   16 bytes, clear, additional data of everything that is sealed
//	          0  4  "MMob"
//	          4  1  format, 1
//	          5  1  log2 of the clear bytes in a frame, 16
//	          6  2  zero
//	          8  8  id of the object
//	frames   one or more; an empty body has one empty frame. Each is the AES-256-GCM ciphertext and tag of
//	          0  1  0: the rest is stored, 1: the rest is one zstd frame, 2: it is one S2 block
//	          1  .. the clear bytes, 65,536 of them but for the last frame
//	index    the AES-256-GCM ciphertext and tag of
//	          0  8  clear bytes of the body
//	          8  4  for each frame: its bytes in the object, tag included
//	trailer   8 bytes, clear, additional data of the index
//	          0  4  number of frames
//	          4  4  "MMix"
//
// The nonce of 12 bytes is
//
//	0  4  0: a frame that another follows, 1: the last frame, 2: the index
//	4  8  number of the frame, from 0; 0 for the index
//
// A counter as nonce is safe because the key is random and seals this one object: no pair of key and nonce comes twice.
// The number in the nonce is what makes an exchanged or repeated frame fail; the mark of the last frame and the count in
// the trailer make a cut-off object fail.
//
// A body of at most 16 KiB is compressed with S2, which takes a quarter of the time of zstd, to seal and to open, and a third
// more room. Such bodies are most of the mail that is delivered and read, and little of the bytes that are kept. A frame is
// compressed only when that saves a sixteenth of it, so attachments that are compressed already cost no
// decoding.
package sealed
