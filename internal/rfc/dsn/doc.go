// Package dsn builds and reads delivery status notifications: RFC 3464 in the multipart/report of RFC 6522, with what RFC
// 3461 6 asks of reports about mail that came by SMTP, and the types of RFC 6533 for addresses outside ASCII.
//
//	Message.Build     a report as mail: a text for people, the fields for programs, what is returned of the message
//	ReadReturned      what is returned, read from the message: bounded, and always lines
//	Parse             the report in a mail that somebody sent
//	ParseStatus       the fields alone
//
// # What is built
//
// The text part says in plain words what happened to which address, what that means and what the reader can do. It answers
// the message in its thread (In-Reply-To) and says Auto-Submitted: auto-replied (RFC 3834 5), so that no program answers it. The
// null reverse-path is the sender's to give: a report is never sent with any other (RFC 3461 6.1).
//
// Everything is ASCII where the addresses are. Where one is not, the fields are message/global-delivery-status and addresses
// have the type utf-8 (RFC 6533 3); then, and where the returned message is in eight bits, the mail has 8-bit parts. It needs
// SMTPUTF8 only where the address it goes to does.
//
// Text from elsewhere (replies, subjects) cannot break out of its field: control characters become question marks.
//
// # Limits
//
//	returned     MaxReturn bytes of a whole message, else its header alone; MaxHeader bytes of a header, cut after a field
//	replies      MaxDiagnostic bytes
//	read         MaxStatus bytes of fields, MaxRecipients recipients, MaxBlock bytes of fields for one of them: what is above is
//	             left out, and Truncated says so. A mail that is no report gives mail.Invalid.
package dsn
