// Package provision makes, changes and removes domains with their keys, accounts, aliases and groups: what an operator asks
// for, done over all rooms of the store that have a part in it.
//
// The admin socket, the command line on a stopped server, and whoever else manages accounts all call this Service, so that
// there is one way to make an account.
//
// # Making an account
//
// First the home (the account's counters, with its newly drawn key), then in one commit everything that makes it an
// account: directory, password, INBOX and the mailboxes Drafts, Sent, Junk, Trash and Archive with their roles. Nobody
// can name the account before that commit, and after it all is there. The home comes first because a write locks the rows
// of its accounts before anything else (store/tx), and because it will lie on another shard than the directory. What is
// left of a making that stopped between the two is one row, which Tidy removes.
//
// # Removing an account
//
// One commit takes it from the directory, with its aliases' targets and all secrets, and destroys its key: nobody signs in,
// mail is refused, sessions that are open find the account gone, and no one can read its bodies again. Its rows go after
// that in small commits, each of which can be repeated; Tidy finishes what a stopped process left, and has the copy of
// the key in the key file removed.
package provision
