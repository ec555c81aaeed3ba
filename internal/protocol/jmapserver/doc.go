// Package jmapserver is the JMAP door: HTTP around the methods of the packages below it (RFC 8620).
//
// # What is answered
//
//	GET  /.well-known/jmap                             the session (RFC 8620 2): who one is, what one may use, where everything is
//	POST /jmap/api                                     calls (3)
//	POST /jmap/upload/{accountId}/                     a blob comes (6.1)
//	GET  /jmap/download/{accountId}/{blobId}/{name}    a blob, or a part of a message decoded, goes; "type" says what it is (6.2); in ranges (RFC 9110 14)
//
// and what other packages add by Handle. Over HTTP/1.1 and HTTP/2; to scripts of other origins, too (CORS): a request carries what one
// signs in with in a field that no browser adds by itself.
//
// # Signing in
//
// Every request is authenticated (1.7) by one of Options.Schemes. Refusals are 401 with the schemes that there are, 429 with the time to
// wait after too many failures, 403 for an account that is switched off.
//
// # What went wrong
//
// Answers other than those of the RFC's are problem details (RFC 7807).
//
// # Limits
//
// What the session says, and method.MaxSizeResponse. Of a user there are at most method.MaxConcurrentRequests requests and
// MaxConcurrentUpload uploads at a time; more are answered 429 with the limit that it is, and carried out by nobody. A request is one
// from before its body is read until its response is written. It is given requestTime: calls that are left then are answered
// serverUnavailable. A client that sends nothing for patience, or takes less than a piece in it, is not waited for.
package jmapserver
