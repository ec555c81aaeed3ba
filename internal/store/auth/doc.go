// Package auth decides who may sign in: passwords, app passwords, SCRAM, the brakes on guessing, and the sessions of programs that their
// user has let in on the sign-in page.
//
// # What is kept
//
// An account has at most one password, kept as an Argon2id hash and in no other form, and up to MaxAppPasswords app
// passwords. An app password is drawn by the server (130 random bits), shown once, named by the user, and revoked alone.
// It is kept as one salted SHA-256: hashing slowly protects passwords that people choose, of which an attacker can try the
// likely ones first; among 2^130 equally likely ones there is nothing to try, and a fast check is what lets a phone sign
// in every minute for free. For SCRAM-SHA-256 it is also kept as the verifier of RFC 5803. The account password is not:
// a verifier made with any number of iterations that clients bear is far cheaper to guess from than Argon2id.
//
// # Sign-in
//
// Verify checks a password, Begin runs a whole SASL exchange for a door. Both read the account's rows in one read
// transaction for each attempt, so a changed or revoked password and a disabled account count at once on every node.
//
//   - App passwords are checked first.
//   - A password that was right less than an hour ago is known by an HMAC under a key that lives and dies with the
//     process, over the account, its rows and the password. It costs no Argon2id again; any change of the rows makes it
//     unknown. Equal attempts at the same time wait for one answer. So a client that opens ten connections pays once.
//   - Argon2id runs at most Options.Parallel times at once, 19 MiB each; at most 256 attempts wait, ten seconds at most.
//     More are answered mail.Limit.
//   - Unknown users, accounts without a password and disabled accounts take the same path and the same time as a wrong
//     password. Disabled is answered only to who knows the password.
//
// Recheck asks the same of a session that is open: doors call it now and then (Stands keeps the time), and end sessions whose
// password was changed or revoked, or whose account was disabled or removed.
//
// # Sessions
//
// A session is a row: a program that an account has let in (RFC 6749), for a Scope. It begins as a question (Ask) to somebody who has given
// the account's password, is answered (Allow, which gives a code), and has tokens once the program has exchanged the code
// (Exchange) and proved by its verifier that it is the one that asked (RFC 7636). An access token signs in (Bearer) for
// AccessTime, a refresh token brings the next two (Refresh) and is then good for nothing.
//
//   - Tokens are not kept. Each names its session, turn and time, and proves by an HMAC under a key that follows from the server's secret that
//     the server has made it. What reads the database opens nothing with it. There is nothing to guess, so nothing is counted.
//   - Every use of a token reads the session's row: a session that was revoked, whose password was changed, or whose account was switched
//     off is over at once, on every node.
//   - A code or refresh token that comes again has been seen by somebody else. Its session ends, with all its tokens. The refresh token
//     before the last one brings the last one again for 30 seconds: the answer may have been lost on its way.
//   - An account has MaxSessions, questions included; one more ends the one that was not used for longest. A session ends when it is not
//     refreshed for SessionTime. ForgetSessions removes rows.
//   - What is signed in with is a credential by its id. A passkey will be one more kind of credential, and a login by OpenID Connect
//     the same session with one more token.
//
// # Brakes
//
// Failures are counted per account and per remote network (an IPv4 address, an IPv6 /64; loopback is exempt, being
// programs of our own host that speak for many). An account has 10 failures free, a network 30. Each further one closes
// it for a time that doubles from one second to 15 minutes, in which passwords are refused unseen with mail.Limit and
// the time to wait (Wait). The right password clears the account. Failures are forgotten after 12 hours without a new
// one, a network's after one hour.
//
//   - Counted is before the password is checked and given back when it was right, so that parallel attempts get no
//     further than serial ones.
//   - The last wrong passwords of an account are remembered by their HMAC. Repeating one is refused at once and not
//     counted: a telephone with last year's password does not lock out its owner.
//   - A network the account signed in from during the last 30 days has a count of its own for that account, so that a
//     stranger cannot lock the owner out of home.
//   - App passwords and SCRAM pass the brakes: they cannot be guessed.
//   - A password that nobody can have (empty, with control characters, too long) is a guess like any other.
//   - A refusal is answered a second after the attempt began, one that was not looked at after two: a connection makes no
//     more than that, and what was wrong cannot be told from the time. Options.Pause waits; the attempt holds nothing then.
//   - Each guess that was checked is a line of the log. Other refusals are one a minute for an account and a network, with
//     how many more there were.
//
// All of this is in memory and bounded: 65,536 entries in each table, the longest unused go first. It is per process: n
// nodes grant n times the failures. A restart forgets.
//
// # SCRAM
//
// All app passwords of an account share one salt, so that a proof can be tried on each of them: the client hashes before
// anybody knows which one it holds. The salt follows from the account's id and the server's secret, that of an unknown
// name from the name, so nothing in a challenge tells whether a name exists; only who already knows two names of one account
// can see that they belong together. 4,096 iterations (RFC 7677 4) suffice: there is nothing to guess.
//
// A client that chooses SCRAM and holds the account password fails, and some clients never try another mechanism then.
// Therefore Mechanisms leaves SCRAM out while the server has no app password at all, and for a day to a network where it
// failed: the client's next connection uses PLAIN.
package auth
