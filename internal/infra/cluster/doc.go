// Package cluster is what nodes of one server say to each other: a bus, publish and subscribe. Who the nodes are, and which of
// them live, is package members'.
//
// # The bus is a bell, never a log
//
// A message says that something changed and by which number it can be asked for; what changed is in the database. So the
// bus may lose messages (a lost connection, a full buffer), and whoever listens also asks the store now and then. This
// is what every implementation promises, and clustertest holds it to:
//
//   - Publish never blocks on a subscriber and never fails loudly.
//   - A message reaches every subscription to exactly that subject on every node, the publisher's own included, at most
//     once.
//   - Messages of one publishing goroutine on one subject arrive in order at each subscription, with gaps where some
//     were lost. There is no order between publishers or subjects.
//   - The payload belongs to the caller again when Publish returns, and to the bus again when the handler returns.
//   - After cancel has returned, messages already on their way may still arrive; none published later does.
//
// # Limits
//
// A subject has 1 to MaxSubject bytes: letters, digits, '-' and '_' in parts separated by dots. A payload has at most
// MaxPayload bytes. A message that breaks a limit is dropped.
package cluster
