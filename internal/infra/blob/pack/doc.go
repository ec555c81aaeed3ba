// Package pack keeps bodies in local files: small ones one after another in append-only packs, those over 1 MiB in files
// of their own.
//
// # What it promises
//
//   - Put returns after the bytes, and for a new file the folder's entry, are on stable storage. Puts that wait at the
//     same time share a sync.
//   - A failed sync is never repeated, because the second may succeed for nothing: the pack is closed, the Puts that
//     shared the sync fail with mail.Unavailable, and the next Put begins a new pack. What had been acknowledged before
//     stays readable.
//   - A disk that is full, or a write cut short, fails the Puts it hits with mail.Unavailable; what they began is written over.
//   - After a crash or a power loss every acknowledged body is there. Records are self-describing and checksummed, so the
//     bodies are found again from the packs alone; what is torn is passed over.
//   - One process has the folder at a time. Each start begins a new pack.
//
// # Folder
//
//	packs/NNNNNNNNNN.pack    records
//	packs/NNNNNNNNNN.index   what the pack holds; written when the pack is closed
//	packs/NNNNNNNNNN.dead    which of its records were removed
//	large/NNNNNNN/NNNNNNNNNN.body   one record, of a body over 1 MiB; 1,024 numbers to a folder
//	tmp/                     what is being written; emptied at start
//	lock                     held by the process
//
// # Formats
//
// Integers are big endian, checksums CRC-32C.
//
//	pack      0  4  "MMpk"
//	          4  4  format, 1; three zero bytes
//	          8  4  number of the pack
//	         12  4  checksum of 0 to 11
//	         16  .. records, each at a multiple of 8, zeros between; behind the last, until the pack is closed, zeros that
//	                are written ahead of the bodies
//	record    0  4  "MMre"
//	          4  4  format, 1; kind, 1 for a body; two zero bytes
//	          8  4  number of the file
//	         12  4  offset of the record in the file
//	         16  8  id of the object
//	         24  8  bytes of the body
//	         32  4  checksum of the body
//	         36  4  checksum of 0 to 35
//	         40  .. the body
//	index     0  4  "MMin"
//	          4  4  format, 1; three zero bytes
//	          8  4  number of the pack
//	         12  4  number of entries
//	         16  .. entries: 8 id, 4 offset of the record, 4 bytes of the body
//	          .. 4  checksum of all before
//	dead      entries: 4 offset of the record, 4 bytes of the body, 4 checksum of both and the number of the pack
//
// File and offset stand in the record so that stale bytes and misdirected writes are not taken for it. A body that itself
// looks like records is not mistaken for them while its own record is whole; where that is damaged it could be, which
// is one more reason to put sealed bodies here: nobody can choose their bytes.
//
// A Location is the byte 1, the byte 0 (in a pack) or 1 (own file), number, offset, id and size as uvarints, and a
// checksum of 4 bytes.
//
// # Order of durable steps
//
// Small: write the records of a group into the zeros behind the last group, fdatasync, answer; write more zeros where
// few are left, which the next group's sync brings to the disk. A pack begins with create, fsync of the folder. It is closed
// by cutting off the zeros and by its index: write, fsync, rename, fsync of the folder.
// Large: write, fdatasync, rename, fsync of the folder, answer.
// Removal: append to the dead list, fdatasync. Large: remove the file.
// Compaction: copy (as any small body), let the caller move its locations, note the old records as dead; a pack of dead
// records is removed after a grace time.
//
// # Limits
//
// A pack is closed at 256 MiB. A body being received has a buffer of 16 KiB that grows to 1 MiB; all buffers together
// have a limit, beyond which a body goes to a file of its own. Files open for reading are bounded: one more Open than
// that, all of them in use, is mail.Unavailable.
package pack
