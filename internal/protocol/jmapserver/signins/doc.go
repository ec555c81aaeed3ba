// Package signins is the capability https://mailmesh.org/jmap/sessions (docs/jmap-sessions.md): the browsers and programs that are signed
// in to an account, for its user to see and to sign out (SignIn/get, /changes and /set).
//
// It is for the user: who has given the account's password, in a browser or in each request. Programs that the user has let in,
// and those with an app password, learn nothing of each other and end nobody.
package signins
