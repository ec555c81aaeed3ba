// Package emails is what JMAP clients read of mail: Email/get, Email/changes and Email/parse (RFC 8621 4), Thread/get and
// Thread/changes (RFC 8621 3).
//
// # What costs what
//
// The properties that RFC 8621 4.2 expects to be fast are answered from rows: three statements for any number of emails, and no body is
// opened. Fields that lists show are in the rows as well (rfc/message.FieldSelection). A body is opened for headers, for other
// fields, for bodyValues, and for the size of parts that are encoded; one at a time, and read as a stream.
//
// # Choices
//
//   - Which emails a user sees is package sight's to say. Others do not exist.
//   - The blobId of a part names the body of the email and the part (method.BlobRef); partId is the number that IMAP gives the part.
//   - Parts have what is asked for in bodyProperties, and no more: subParts must be named there.
//   - bodyValues never hold NUL. A text whose charset is not stated, or us-ascii, is read as UTF-8 and, where it is none, as
//     Windows-1252, with isEncodingProblem.
//   - hasAttachment leaves out signatures and pictures that HTML refers to.
//
// # Limits
//
//   - method.MaxObjectsInGet emails or threads a call, MaxParse blobs (requestTooLarge).
//   - MaxProperties properties, and as many bodyProperties (invalidArguments).
//   - MaxHeader bytes of the header of a message or part; what comes after is not there.
//   - Parts and their depth: rfc/message.Limits.
//   - A message within a message that is encoded, which RFC 2046 5.2.1 forbids, is parsed up to 16 MiB (notParsable); its parts have
//     values, but their blobIds name nothing.
//   - What is read of bodies: method.Call.Work (requestTooLarge, which asks for less at a time).
//   - What is answered in all: method.Call.Room (requestTooLarge, which asks for fewer emails or a maxBodyValueBytes).
package emails
