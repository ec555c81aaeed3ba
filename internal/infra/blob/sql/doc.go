// Package sql keeps bodies in the database: for clusters, whose nodes share no disk, and for bodies small enough that a
// row costs less than an object elsewhere.
//
// # Format
//
// A body is cut into parts, rows of blob_bytes under the object's id. Part 0 begins with a header of 16 bytes:
//
//	0  4  "MMsq"
//	4  1  format, 1
//	5  3  zero
//	8  8  bytes of the body, big endian
//
// and holds the first partSize bytes after it; each further part holds as many, the last what is left. Part 0 is written
// last: a body has it or is not there.
//
// A Location is the byte 1, id and size as uvarints, and a CRC-32C of 4 bytes.
//
// # Order of durable steps
//
// Each part is a commit of its own, so a large body does not hold up other writers for long. Put returns after the
// commit of part 0. PutLater leaves a body of at most MaxPending bytes to the transaction that names it instead: what names a body
// and the body are there together or not at all. What a Put left that did not get so far is listed, with a Location, so that a sweep can remove it.
package sql
