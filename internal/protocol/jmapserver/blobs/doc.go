// Package blobs opens what a blobId names, and has the methods on blobs: Blob/copy (RFC 8620 6.3), and Blob/upload, Blob/get and
// Blob/lookup (RFC 9404).
//
// A blobId names a body of an account, or one part of the message that it is, with its transfer encoding removed (method.BlobRef).
// The owner of an account has all of its blobs.
package blobs
