// mailto links (RFC 6068): who, and what is in the message. Only the fields that are harmless are taken (7): nobody else decides what is
// attached, or from whom a message comes.
import type { Compose } from "../app/ports";

type New = Extract<Compose, { kind: "new" }>;

/** Reads a mailto URI; null if it is none. */
export function parseMailto(uri: string): New | null {
  const found = uri.match(/^mailto:([^?#]*)(?:\?([^#]*))?/i);
  if (!found) return null;
  const made: New = { kind: "new" };
  if (found[1]) made.to = decode(found[1]);
  for (const field of (found[2] ?? "").split("&")) {
    const [name = "", ...value] = field.split("=");
    take(made, decode(name).toLowerCase(), decode(value.join("=")));
  }
  return made;
}

/** The same of the parameters of our own address: ?compose&to=…, or the whole link in ?compose=mailto:…, as browsers hand it on. */
export function fromParameters(params: URLSearchParams): New {
  const link = parseMailto(params.get("compose") ?? "");
  if (link) return link;
  const made: New = { kind: "new" };
  for (const [name, value] of params) take(made, name.toLowerCase(), value);
  return made;
}

function take(made: New, name: string, value: string): void {
  if (name !== "to" && name !== "cc" && name !== "bcc" && name !== "subject" && name !== "body") return;
  if (!value) return;
  // RFC 6068 2: "to" beside the address adds to it. Two bodies are parted by a line.
  const between = name === "body" ? "\n" : name === "subject" ? " " : ", ";
  const clean = name === "body" ? value.replace(/\r\n?/g, "\n") : value.replace(/[\r\n]+/g, " ");
  made[name] = made[name] ? made[name] + between + clean : clean;
}

// RFC 6068 5: "+" is a plus sign, not a blank.
function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
