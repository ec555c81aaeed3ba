// Package live is the capability https://mailmesh.org/jmap/live: signals between people who know each other (who is there, who is
// writing, who is reading), the people an account knows, and what it lets them see. docs/jmap-live.md is its document, written for who
// makes a client.
//
// The methods: Signal/send, Contact/get, /changes, /query, /queryChanges and /set, LiveSettings/get and /set. Only the owner of an
// account may call them. A Source hands signals to connected clients.
//
// # Choices
//
//   - Signal/send answers before anything is decided, and the same whoever is named: package presence decides later, and tells nobody.
//   - Whether a contact is mutual is no property: that it ceases would tell that one has been blocked.
//   - /queryChanges is answered cannotCalculateChanges: the list is short, and its order changes with time.
//
// # Limits
//
// Those of package presence for signals, of store/contacts for contacts, of package method for objects a call. Contact/query looks at the
// contacts.MaxSearched contacts that were written to last.
package live
