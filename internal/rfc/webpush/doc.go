// Package webpush is what a server sends to a push service: messages encrypted for one user agent (RFC 8291, with the content
// encoding aes128gcm of RFC 8188), and the proof of who sends them (VAPID, RFC 8292). The requests themselves (RFC 8030) are
// their sender's.
//
// A message is one record: a push service takes no more than 4096 bytes (RFC 8030 7.2), of which MaxPlaintext are the message's.
package webpush
