// Package oidcserver is the sign-in page, and what programs need to send people there and get tokens for it: OAuth 2.0 (RFC 6749) in the
// one form that is left of it (RFC 9700), authorization code with PKCE for public clients. OpenID Connect will stand here, too.
//
// # What is answered
//
//	GET  /.well-known/oauth-authorization-server   where everything is (RFC 8414)
//	GET  /.well-known/oauth-protected-resource     whose tokens the JMAP door takes (RFC 9728)
//	GET  /oauth/authorize                          the sign-in page (RFC 6749 4.1.1, RFC 7636 4.3)
//	POST /oauth/authorize                          name and password; answered with the question whether the program may
//	POST /oauth/consent                            the answer; answered with the way back to the program (RFC 6749 4.1.2, RFC 9207)
//	POST /oauth/token                              tokens for a code, or for a refresh token (4.1.3, 6)
//	POST /oauth/revoke                             ends a session (RFC 7009)
//	POST /oauth/register                           makes a client_id (RFC 7591)
//
// # Programs
//
// All are public clients (RFC 6749 2.1): none has a secret, each proves by PKCE that it is the one that asked. A program without
// registration may send people back to this device alone, to a port of its own on loopback (RFC 8252 7.3). One that wants more
// registers, and gets a client_id that holds what it has registered, sealed: nothing is kept for it. Either way nobody has
// looked at who it is, so the question names the place that the answer goes to, and says that the name is the program's own.
//
// # What is promised
//
//   - A code goes to a place that the program has registered, or to loopback, and nowhere else: what is wrong with a client_id or a
//     redirect_uri is said on a page. Only then are errors sent back to the program.
//   - There is no cookie that signs in. Each time the password is given again, so a page of somebody else can do nothing in the name
//     of who has signed in here before. A cookie binds forms to the browser that they were shown in, so that no page of somebody
//     else can send them; requests that a browser says are another site's are refused.
//   - The pages need no script and allow none, nor any frame around them, and nothing from elsewhere (Content-Security-Policy). They
//     are not kept by caches and tell the next page nothing (Referrer-Policy).
//   - Passwords are checked by store/auth: its brakes count what is tried here together with all other doors.
//
// # Limits
//
// A request's body has at most 16 KiB, each parameter maxParameter bytes, state maxState. A form is good for ten minutes. A client's
// registered data has at most maxMetadata bytes, maxRedirects places in it. Sessions have theirs in store/auth.
package oidcserver
