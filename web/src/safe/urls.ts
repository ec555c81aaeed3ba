// Which URLs of a message lead anywhere, and what they are. A URL is what the browser's own parser says it is, so that no encoding, blank or
// control character means one thing here and another there; what is kept is the parser's spelling.

import { embeddedPicture } from "./allowed";

/** A message may hold its pictures as data: URLs up to this length each. */
const maxEmbedded = 8 << 20;
const maxURL = 16 << 10;

function parse(raw: string): URL | undefined {
  if (raw.length > maxURL) return undefined;
  try {
    return new URL(raw.startsWith("//") ? `https:${raw}` : raw);
  } catch {
    return undefined; // relative, too: a message has no place that it could be relative to
  }
}

/** safeLink is where a link may lead: http, https, mailto, tel, or a place in the message itself ("#name"). */
export function safeLink(raw: string): string | undefined {
  const text = raw.trim();
  if (text.startsWith("#")) return text.length > 1 ? text : undefined;
  const url = parse(text);
  if (!url || !["http:", "https:", "mailto:", "tel:"].includes(url.protocol)) return undefined;
  if (url.protocol.startsWith("http") && !url.hostname) return undefined;
  return url.href;
}

export type PictureSource =
  | { kind: "remote"; url: string }
  | { kind: "cid"; id: string }
  | { kind: "data"; url: string };

/** pictureSource says where a picture is. undefined: nowhere that is looked at. */
export function pictureSource(raw: string): PictureSource | undefined {
  const text = raw.trim();
  if (/^data:/i.test(text)) {
    return text.length <= maxEmbedded && embeddedPicture.test(text) ? { kind: "data", url: text } : undefined;
  }
  const url = parse(text);
  if (!url) return undefined;
  if (url.protocol === "cid:") return { kind: "cid", id: decoded(url.href.slice(4)) };
  if ((url.protocol === "https:" || url.protocol === "http:") && url.hostname) return { kind: "remote", url: url.href };
  return undefined;
}

// RFC 2392 2: a cid URL is the Content-ID with what URLs cannot hold escaped.
function decoded(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return id;
  }
}
