// Package bodies is the accounts' view of the bodies of mail: which account holds which body, under which name and key.
//
// # What it promises
//
//   - Put returns a Body that is on stable storage, or, where it is small and bodies lie in the database, that the commit which
//     names it writes. It has no name yet: Hold gives it one for an account, in the same commit as the rows that need it. A Body that no commit names within MaxAge is forgotten.
//   - A body lives while a row of `blob` names it. What is being named and what is being collected meet on the object's
//     row: either the collector sees the name, or Hold returns ErrPutAgain and the caller puts the body once more.
//   - Accounts that receive the same message share its bytes, and learn nothing from that: the name is a hash under the
//     account's own key, and the body's key is kept wrapped under it. Destroying an account's key destroys its mail.
//   - Bytes stay for a time after the last name is gone (see Collect), so that a database put back to an earlier time finds
//     its bodies.
//
// # Keys
//
//	master key         32 random bytes in a file that the operator keeps; wraps account keys
//	account key        32 random bytes, drawn with the account; HKDF-SHA256 derives from it
//	  wrapping key     "mailmesh object key wrapping 1": wraps object keys
//	  naming key       "mailmesh blob id 1": names bodies
//	  index key        "mailmesh text index 1": seals the text that store/search keeps
//	object key         32 random bytes, drawn by blob/sealed for this one body
//
// A wrapped key is a byte 1 (format), a random nonce of 12 bytes, and the AES-256-GCM ciphertext and tag of the key, with
// the account's id (and for an object's key the object's id) as additional data. A blob id is the first 20 bytes of
// HMAC-SHA256(naming key, SHA-256 of the body).
//
// # The key file
//
// Where a path for it is given, wrapped keys are also written to a file beside the bodies (see KeyLine), because bytes without
// keys are noise. Nothing waits for it: Hold only adds to a buffer, which is written and synced every few seconds. Lines
// of commits that then failed are harmless. A file that was closed in order says so at its end; where that is missing, a
// process was killed before it had written all, and the first Collect adds the keys that the database has. So when
// the database and its backups are lost, the packs, this file and the master key give back every body; when power was
// lost at the same moment, all but those of the last KeyFileDelay.
//
// The file is written anew, without the keys of what is gone, when more than half of it is of no use, and after an account
// was removed.
//
// # Uploads
//
// HoldUpload names a body that is to become part of something, for a day; ExpireUploads lets go what has not. They have a quota of
// their own, in which a new one takes the place of the oldest (RFC 8620 6).
//
// # Housekeeping
//
// ExpireUploads, Collect, then Compact, every hour or so: they cost nothing where nothing was removed. SweepOrphans when SweepDue says so:
// it notes bytes that no row names, and removes those it noted long ago. Compaction must leave alone what is younger than
// MaxAge: a body that waits for its name cannot be told that it moved (pack.Options.Settle).
//
// # Repair
//
// Check finds rows and bytes that do not belong together, and Rebuild makes the rows of this room again that a database has
// lost: objects from the packs, blobs from the key file. Relocate is for a database that was put back to an earlier time.
//
// # Order of locks
//
// The account first (store/tx does that), then object rows. Hold takes the row of an object only when the Body was
// tried in an earlier unit of work.
package bodies
