// Package s3 keeps bodies in a bucket of an S3 service, which all nodes of a cluster reach.
//
// # Names
//
// A body is one object of the bucket, under
//
//	<prefix>2026/11/22/154107.123-00000000000004d2-9ae0daaf
//	         time, UTC            id of the object  CRC-32C of its bytes, 0 where it came in parts
//
// The time is that of the database when the body came, as Options.Now tells it, not of this machine: what decides later
// whether a body may still be named, or is rubbish, are differences of such times, and clocks of nodes go wrong.
// The size is that of the object. So a listing of the bucket alone tells every Location, and whoever repairs a bucket sees
// when something came. Names that read otherwise are left alone.
//
// A Location is the byte 2, then as uvarints milliseconds since 1970, id, size and CRC, and a CRC-32C of these in 4 bytes. It
// names neither the bucket nor the prefix, so a bucket may be moved.
//
// # Order of durable steps
//
// Up to PartSize a body is one PUT; a longer one is an upload in parts, which is there when it is completed and not
// before. Put returns after the service has acknowledged. What a crash leaves is a body without a row, which a sweep
// finds, or an upload that was not completed, which Clean ends: services charge for both.
//
// # Integrity
//
// Every PUT carries the SHA-256 of what it sends, signed with it, and a service that receives other bytes refuses them.
// Every GET is held to the size that the Location tells, and one of a whole body to its CRC. Ranges of longer bodies are
// not checked here: what is kept here are sealed objects, each frame of which is authenticated when it is opened.
//
// # Whose bucket it is
//
// An object <prefix>mailmesh-owner names the server whose bodies are there (Options.Owner). Two servers on one bucket and prefix
// would each sweep away the other's bodies, so nothing is put, listed or removed before the mark is found to be the right one.
//
// # Faults
//
// What may pass is tried again, with growing pauses, until it succeeded or Options.Patience is over; the error is then
// mail.Unavailable. A Put whose answer was lost is simply done again: the same bytes under the same name.
//
// # Memory
//
// A body that is being put is held in memory until it can be sent, PartSize at most, because what is sent must be known
// before and may have to be sent again. All Puts together hold at most Options.Memory; one that finds no room waits and is
// then refused as mail.Unavailable. The first 16 KiB of each do not count. A reader holds windows of up to 1 MiB.
package s3
