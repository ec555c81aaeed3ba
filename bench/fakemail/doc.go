// Package fakemail is a mail server in memory for the tests of the load
// generator: it speaks just enough SMTP, LMTP and IMAP, and misbehaves on request.
// What the generator's verifiers claim to notice is proved against its Faults.
package fakemail
