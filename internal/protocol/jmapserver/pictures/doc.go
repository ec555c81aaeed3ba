// Package pictures brings the pictures that mail shows from elsewhere, so that whoever has sent the mail does not learn where it is
// read, by what and over which connection: a picture with a name of its own for each recipient is the oldest way to count them.
//
// The capability is https://mailmesh.org/jmap/pictures; docs/jmap-mail.md is its document. A client has its URLs signed (Picture/sign) and
// shows the signed ones, whose place is at this server:
//
//	GET /pictures/{signature}/{url}
//
// An <img> cannot sign in, so the place asks for no sign-in: the signature names the account that it was made for and the day until
// which it is good, and covers the URL. Without it nothing is fetched: this is no open proxy.
//
// # What it promises
//
//   - What is fetched goes through infra/fetch: nothing on this machine or its networks is, whatever names and redirects say. Nothing of the reader
//     goes along: no cookies, no language, no referrer.
//   - Only PNG, JPEG, GIF, WebP, AVIF, BMP and icons are passed on, known by their bytes and not by what their server says. SVG is a document that
//     can hold scripts and load more: it is refused, as is everything else.
//   - The answer is a picture and nothing more: nosniff, a policy that allows nothing, and a lifetime in the reader's own cache. It is not kept
//     here: whether somebody else has looked at a picture cannot be found out.
//   - That a picture is fetched tells its server that the mail was opened, as it would without a proxy. Whether pictures are shown is the
//     client's question to the reader.
//
// # Limits
//
// A picture has at most MaxPicture bytes and fetchTime to come, after at most maxRedirects redirects; URLs have fetch.MaxURL bytes, a call
// MaxSign of them. As many are fetched at a time as the fetch.Client lets, and perAccount for one account: more are 429. A
// signature is good for one to two days.
package pictures
