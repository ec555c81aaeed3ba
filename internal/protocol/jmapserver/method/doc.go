// Package method is what every JMAP method is made of, whichever capability it belongs to: the call with its arguments, who makes
// it, the errors of RFC 8620 3.6.2 and 5, the arguments and responses that /get, /changes, /set, /copy, /query and
// /queryChanges have in common.
//
// A package of methods (emails, mailboxes ...) registers its own in a Registry, with its capability; Registry.Run carries out a
// request, one call after the other. A method decodes its arguments (Call.Decode), asks for the account it may work on (Call.Account), works, and
// returns the response's arguments or an error. An error of the type *Error is the method's answer; one of mail.Error's
// kinds is translated (ErrorOf); any other, and a panic, is logged and answered serverFail: the other calls go on.
//
// Select and Properties are for /get, Changes is the whole of a /changes, Patch applies a PatchObject.
//
// # Limits
//
// See the constants. What references (RFC 8620 3.7) make of a call is as bounded as a request; once the responses of a request
// have MaxSizeResponse bytes, its other calls are not carried out and answered requestTooLarge. What changes nothing and would
// exceed that alone is answered so, too; what has changed something is always told. Methods that read bodies say so by Call.Work.
package method
