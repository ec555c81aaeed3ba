// Package presence is the ephemeral plane: who is there, who is writing, who is reading. Nothing of it is stored or logged.
//
// # What it promises
//
//   - Signals pass only between two accounts that are mutual contacts (store/contacts) and both allow that kind (contacts.Setting).
//     An account that blocks any address of another one neither tells it anything nor hears of it.
//   - Who sends learns nothing: Send answers the same, at once, whether the address is a mutual contact's, a stranger's or nobody's.
//     Everything is decided afterwards, by others. Only the sender's own rate and the form of what is sent are answered.
//   - Recipients know each other by addresses: a signal bears the address by which its recipient has the sender as a contact.
//   - A signal older than MaxAge is dropped. A state of writing or reading holds for Holds; who still writes says so again.
//   - Presence is coarse: online while a client listens, and Grace longer, so that a lost connection is no news; today for a day after
//     that; nothing otherwise. It is remembered by the node where the account was, in memory.
//   - An account that hides its presence is not seen and sees nobody, and neither sends nor gets other signals.
//
// # How presence spreads
//
// When the first client of an account listens at a node, the node reads its circle: the mutual contacts that it was in touch with
// last. It tells each that the account is online; whose node has that contact here answers. What somebody knows of others is thus at
// their node, by the node each was seen at, and goes when that node has not been heard of for nodeSilent. The circle is read
// again when the account's contacts or settings change, when somebody of it shows less than before (Revoked), and every reloadEvery,
// which makes good what the bus has lost. Of whom is not in the circle any more nothing is known, at once and on both sides.
//
// # Other servers
//
// A Remote takes signals to addresses of other servers when this side's half of what is asked holds; Receive takes those that
// come from there, and decides the other half. Presence of people elsewhere is not asked for.
//
// # Limits
//
// MaxRecipients a signal; Burst recipients at once and PerSecond for long, an account and node. A circle has at most MaxCircle. At
// most maxWaiting signals wait to be decided on, and what waits longer than MaxAge is dropped. A node remembers maxLeft accounts
// that were there today. All nodes hear all signals: the bus carries a few hundred bytes for each.
package presence
