// Package node builds a whole server from its configuration: every room bottom up, then the doors; it stops them top down.
//
// It is the only place that knows all rooms, and the only one beside cmd that knows the configuration. It decides nothing
// about mail. What it holds itself: the data folder, the chores that run beside the doors, the joining of the rooms'
// observers to metrics, and the demo.
//
// # The data folder
//
//	lock                 held by the one process that uses the folder
//	mailmesh.db          rows (SQLite), absent when a database URL is given
//	packs/               bodies, absent likewise: they are in the database then
//	keys                 wrapped keys, so that bodies can be opened when the database is lost (store/bodies)
//	master.key           opens everything: back it up apart from the rest
//	self-signed.crt|key  until there is another certificate
//	admin.sock           the admin door
package node
