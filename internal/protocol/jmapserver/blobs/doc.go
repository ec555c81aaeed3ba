// Package blobs opens what the blobIds of JMAP name, and has the methods on blobs: Blob/copy (RFC 8620 6.3), Blob/upload, Blob/get and
// Blob/lookup (RFC 9404).
//
// A blobId names a body of an account, or one part of the message that it is, with its transfer encoding decoded (RFC 8621 4.1.4;
// see method.BlobRef). The owner of an account reads every body that it has, uploads among them. Others read the bodies of emails in
// mailboxes that they may read, and name the email with the body; they have no uploads there.
//
// # Limits
//
// A part costs one reading of the message up to its end, in constant memory. An upload has the size that the session says; all
// uploads of an account that nothing names, uploadQuota times that, and the oldest make room. Blob/get answers as much as the
// response may have; Blob/lookup looks through the rows of all emails once.
package blobs
