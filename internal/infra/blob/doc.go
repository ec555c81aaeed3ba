// Package blob is the contract of the stores that keep the bodies of mail: immutable runs of bytes, written once, read
// in ranges, removed.
//
// # What a Store promises
//
//   - Bytes first. Put returns nil only when every byte is on stable storage, and so is whatever is needed to find it
//     again (a new file's folder). The row that names the body is written after that, the reply to the sender after the row.
//   - All or nothing. A Put that fails may leave bytes behind, never a Location that opens to a part of a body.
//   - A Location opens to exactly the bytes that were put, or to an error: mail.NotFound when nothing is there (any
//     more), another kind when the store cannot answer now.
//   - Self-description. A store that is a Lister finds every body, with the id it was put under, from its own bytes.
//
// The stores: blob/pack (local files), blob/sql (the database). blob/sealed wraps any of them and compresses and
// encrypts; what a store below it sees is ciphertext. All of them pass the suite in blob/blobtest.
//
// # Limits
//
// A Location is at most MaxLocation bytes and begins with a version byte of its store. Sizes are bounded by the store and
// by sealed.MaxSize; the limit that users meet (a message's size) is the caller's.
package blob
