// The mail of the account that is signed in, as signals: what rooms show, and what they do with it.
//
// Promises: what was done is seen at once and is exactly taken back where the server refuses it; what was done without a
// connection is done when it is back, in order; what another device changes is seen without that anybody asks; memory is bounded
// whatever the size of a mailbox.

export { openMail } from "./mail";
export { say, troubleOf } from "./trouble";
export * from "./types";
export { MailContext, useMail } from "./use";
