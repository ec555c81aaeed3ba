// Package webclient is the door of the web client: it gives browsers the client's files, and lets their users sign in.
//
// # What is answered
//
//	GET  /, /mail, /mail/...             the client's page; what to show it finds in the address by itself
//	GET  /assets/..., /icons/...         its files; the names of assets carry a hash, so that browsers keep them for a year
//	GET  /sw.js, /manifest.webmanifest   its service worker, and what a phone installs
//	GET  /frame.html                     the empty document that the client puts a message into
//	POST /session                        signs in: {"login", "password", "keep"}; the answer sets the cookie
//	GET  /session                        says who is signed in: {"login"}
//	DELETE /session                      signs out
//	POST /session/password               changes the password: {"old", "new"}; all other sessions end
//
// Other doors ask SignedIn who the cookie of a request is of.
//
// # What is promised
//
//   - The page runs what stands in files of this server, and nothing else: no script, style or frame of another place, nothing inline
//     (Content-Security-Policy). No site shows it in a frame, or holds a handle to its window (COOP).
//   - In the frame no script runs, whatever a message and the client's cleaning of it do: it has no scripts in its sandbox, and a
//     policy of its own that lets it fetch pictures of this server alone.
//   - The cookie names a session of store/auth, beside those of programs, and proves it; nothing is kept here, and any node answers. No
//     script reads it (HttpOnly), it goes over TLS to this host alone (Secure, __Host-) and not from other sites (SameSite=Strict).
//   - A cookie counts only where the browser says that the request is of our own pages (Sec-Fetch-Site, Origin), and where what
//     is answered becomes no script, style or frame (Sec-Fetch-Dest). A browser too old to say so (before 2023) is not signed in.
//   - Passwords are checked by store/auth: its brakes count what is tried here together with all other doors.
//   - Refusals bear no challenge that a browser would ask its user by (WWW-Authenticate).
//
// What went wrong is answered as problem details (RFC 9457).
//
// # Limits
//
// The body of a request has at most 16 KiB. Files are in memory, as they are and, from the first request on, compressed.
package webclient
