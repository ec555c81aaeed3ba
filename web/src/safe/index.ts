// HTML of strangers, made safe. A mail's HTML comes in as text; what goes out are nodes of elements, attributes and styles that stand in lists
// (allowed.ts), which run nothing and fetch nothing, and the list of pictures that they would like to show.
//
// Promises: no node that leaves sanitize() has an event handler, a URL that is fetched, or a name that hides one of the document's. CSS is read by the browser
// and let in by property and function; no text of it is passed on. Pictures are shown from this server's own paths and from the message. The document
// that nodes are placed into stands in a sandboxed frame without scripts, with a policy of its own (docs/security.md): each is enough without the other.

export { allowedStyle, bodyClass, type Declaration, prefix } from "./css";
export { foldQuotes } from "./fold";
export { type Destination, type Doubt, destination } from "./links";
export { shownName } from "./names";
export { type Pictures, type Placed, place } from "./place";
export { type Clean, sanitize } from "./sanitize";
