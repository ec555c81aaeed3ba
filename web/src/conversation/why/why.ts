// Why a message is where it is: from what it says itself, and from what the account knows.
import type { Key } from "../../i18n";
import type { Contact, Email, EmailHeader } from "../../jmap";

export interface Fact {
  key: Key;
  holes?: Record<string, string | number>;
  kind: "good" | "bad" | "plain";
}

export interface Known {
  email: Email;
  headers: readonly EmailHeader[];
  mine: ReadonlySet<string>;
  contact: Contact | undefined;
  /** Names of the mailboxes that it lies in. */
  folders: readonly string[];
  inJunk: boolean;
  snoozedUntil: string | undefined;
}

/** reasons are the facts, the most telling first. */
export function reasons(k: Known): Fact[] {
  return [...placeFacts(k), ...wayFacts(k), ...senderFacts(k)];
}

const plain = (key: Key, holes?: Record<string, string | number>): Fact => ({
  key,
  kind: "plain",
  ...(holes && { holes }),
});

function placeFacts({ email, contact, headers, folders, inJunk, snoozedUntil }: Known): Fact[] {
  const out: Fact[] = [];
  const has = (keyword: string) => !!email.keywords?.[keyword];
  const score = headers.find((h) => /^x-spam-(?:status|flag|score)$|^x-rspamd-/i.test(h.name));
  if (contact?.isBlocked) out.push({ key: "conversation.whyBlocked", kind: "bad" });
  if (has("$junk")) out.push({ key: "conversation.whyMarkedJunk", kind: "bad" });
  else if (has("$notjunk")) out.push({ key: "conversation.whyMarkedNotJunk", kind: "good" });
  else if (inJunk && !contact?.isBlocked && !score) out.push(plain("conversation.whyInJunk"));
  if (score) out.push(plain("conversation.whyScore", { value: `${score.name}: ${score.value}`.slice(0, 200) }));
  if (has("$important")) out.push({ key: "conversation.whyImportant", kind: "good" });
  if (snoozedUntil) out.push(plain("conversation.whySnoozed", { date: snoozedUntil }));
  if (has("$muted")) out.push(plain("conversation.whyMuted"));
  if (folders.length > 0) out.push(plain("conversation.whyFolder", { folders: folders.join(", ") }));
  return out;
}

function wayFacts({ email, headers, mine }: Known): Fact[] {
  const out: Fact[] = [];
  const own = (list: Email["to"]) => list?.find((a) => mine.has(a.email.toLowerCase()))?.email;
  const to = own(email.to);
  const cc = own(email.cc);
  if (own(email.from)) out.push(plain("conversation.whyOwn"));
  else if (to) out.push(plain("conversation.whyTo", { email: to }));
  else if (cc) out.push(plain("conversation.whyCc", { email: cc }));
  else out.push(plain("conversation.whyBcc"));
  for (const h of headers.filter((h) => /^delivered-to$/i.test(h.name)).slice(0, 5)) {
    if (!mine.has(h.value.toLowerCase()))
      out.push(plain("conversation.whyForwarded", { email: h.value.slice(0, 320) }));
  }
  const list = headers.find((h) => /^list-id$/i.test(h.name))?.value;
  if (list) out.push(plain("conversation.whyList", { name: list.slice(0, 200) }));
  return out;
}

function senderFacts({ email, headers, mine, contact }: Known): Fact[] {
  if (email.from?.some((a) => mine.has(a.email.toLowerCase()))) return [];
  const out: Fact[] = [];
  if (contact && contact.daysWritten > 0)
    out.push({ key: "conversation.whyWritten", holes: { n: contact.daysWritten }, kind: "good" });
  else if (contact?.isKnown) out.push({ key: "conversation.whyKnown", kind: "good" });
  else out.push(plain("conversation.whyUnknown"));
  const path = headers.find((h) => /^return-path$/i.test(h.name))?.value.replace(/^<|>$/g, "");
  if (path && path.toLowerCase() !== email.from?.[0]?.email.toLowerCase())
    out.push(plain("conversation.whyEnvelope", { email: path.slice(0, 320) }));
  return [...out, ...authentication(headers)];
}

/** authentication reads the topmost Authentication-Results field (RFC 8601 2.2), and which domains have signed. */
export function authentication(headers: readonly EmailHeader[]): Fact[] {
  const field = headers.find((h) => /^authentication-results$/i.test(h.name))?.value;
  const signers = new Set(
    headers
      .filter((h) => /^dkim-signature$/i.test(h.name))
      .map((h) => /(?:^|;)\s*d\s*=\s*([\w.-]+)/i.exec(h.value)?.[1]?.toLowerCase())
      .filter((d) => d !== undefined),
  );
  const signed = [...signers].slice(0, 4).map((domain) => plain("conversation.whySigned", { domain }));
  if (!field) return [...signed, plain("conversation.whyUnchecked")];
  const [by = "", ...results] = withoutComments(field).split(";");
  const out: Fact[] = [];
  for (const result of results.slice(0, 10)) {
    const m = /^\s*(spf|dkim|dmarc|arc)\s*=\s*(\w+)/i.exec(result);
    if (!m?.[1] || !m[2]) continue;
    const [what, value] = [m[1].toUpperCase(), m[2].toLowerCase()];
    const holes = { by: by.trim().split(/\s+/)[0] ?? "", what, result: value };
    if (value === "pass") out.push({ key: "conversation.whyPassed", holes, kind: "good" });
    else
      out.push({
        key: "conversation.whyFailed",
        holes,
        kind: ["fail", "softfail", "permerror"].includes(value) ? "bad" : "plain",
      });
  }
  return out.length > 0 ? [...out, plain("conversation.whyClaimed")] : [...signed, plain("conversation.whyUnchecked")];
}

/** RFC 5322 3.2.2: comments, which may stand in each other. */
function withoutComments(text: string): string {
  let depth = 0;
  let out = "";
  for (const sign of text) {
    if (sign === "(") depth++;
    else if (sign === ")" && depth > 0) depth--;
    else if (depth === 0) out += sign;
  }
  return out;
}
