// Package finding carries out searches for all doors: it asks a planned query (store/search) of messages, and reads of them no
// more than it must. A door says which messages are looked at, by numbers of its own choosing, and what its view knows of them.
//
// Look decides with what the view knows; then, for what looks into content, with the text index, which needs no rows; then with the
// rows of messages, read BatchSize together; and only then by reading a message through.
//
// # Limits
//
// A search has an Effort: the octets of content that it may look through, keys that look elsewhere counted small. It is ended when
// that is spent (mail.Limit), and by its door, which is asked every second whether anybody still waits.
//
// Reading is done in turns: one message, or one piece of the index, at a time for an account, and Options.Turns of all accounts
// together. So an account with many searches under way waits for itself and others do not.
//
// Rows take at most batchBytes at a time, and the index is asked about lookupSize messages at a time.
package finding
