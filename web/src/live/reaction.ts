// Reactions (RFC 9078): a mail with a part that is one line of emoji, and answers a message. Here they are read and written; nothing of it is
// shown here.
import type { Email, EmailAddress, EmailBodyPart, Id } from "../jmap/types";

/** What a mail says by emoji of the message that it answers. */
export interface Reaction {
  emoji: readonly string[];
  /** There is nothing else in the mail: it need not be shown by itself. */
  alone: boolean;
}

/** One emoji under a message, with all who have chosen it. */
export interface Chip {
  emoji: string;
  by: readonly EmailAddress[];
}

export interface Sorted {
  /** By the id of the email that they belong to. */
  chips: ReadonlyMap<Id, readonly Chip[]>;
  /** Emails that are reactions and nothing else. */
  folded: ReadonlySet<Id>;
}

const mostEmoji = 20; // of a mail; RFC 9078 has no limit
const mostChars = 400;

// UTS #51 1.4.9, the regular expression for what may be an emoji: code points that are not allocated yet are none the less (RFC 9078 3:
// they "SHOULD NOT be treated as an error"). Digits, # and * are emoji only with a sign after them.
const part =
  "(?:\\p{Regional_Indicator}{2}|(?!\\p{Regional_Indicator})[\\p{Emoji}\\p{Extended_Pictographic}](?:\\p{Emoji_Modifier}|\\uFE0F\\u20E3?|\\u20E3|[\\u{E0020}-\\u{E007E}]+\\u{E007F})?)";
const emojiPattern = new RegExp(`^(?![0-9#*](?:\\uFE0F)?$)${part}(?:\\u200D${part})*$`, "u");

export function isEmoji(text: string): boolean {
  return emojiPattern.test(text);
}

/** RFC 9078 3: part-content is emoji with blanks between them, and the end of the line. Nothing where it is anything else. */
export function parseLine(content: string): string[] | undefined {
  if (content.length > mostChars) return undefined;
  const line = content.replace(/(?:\r?\n)+$/, "");
  const all = line.trim().split(/[ \t]+/);
  return all.length <= mostEmoji && all.every(isEmoji) ? [...new Set(all)] : undefined;
}

/** The part of a mail that is a reaction: the only one, or one of the outermost multipart (RFC 9078 3 and 4). */
function reactionPart(email: Email): EmailBodyPart | undefined {
  const root = email.bodyStructure;
  const candidates = root ? [root, ...(root.subParts ?? [])] : [...(email.textBody ?? [])];
  return candidates.find(
    (p) =>
      p.disposition?.toLowerCase() === "reaction" &&
      p.type === "text/plain" &&
      /^(utf-8|us-ascii)$/i.test(p.charset ?? "us-ascii"),
  );
}

export function read(email: Email): Reaction | undefined {
  const part = reactionPart(email);
  const value = part?.partId != null ? email.bodyValues?.[part.partId] : undefined;
  if (!part || !value || value.isTruncated || value.isEncodingProblem) return undefined;
  const emoji = parseLine(value.value);
  if (!emoji) return undefined;
  const others = [...(email.textBody ?? []), ...(email.attachments ?? [])].filter((p) => p.partId !== part.partId);
  const empty = others.every((p) => p.type.startsWith("text/") && p.size < 4);
  return { emoji, alone: empty };
}

/**
 * Which reactions belong to which emails of a conversation. A reaction whose message is not here is an ordinary mail; one to a reaction
 * too. Who reacts twice with the same emoji counts once.
 */
export function sort(emails: readonly Email[]): Sorted {
  const byMessageId = new Map<string, Email>();
  for (const e of emails) for (const id of e.messageId ?? []) if (!byMessageId.has(id)) byMessageId.set(id, e);
  const reactions = new Map<Id, Reaction>();
  for (const e of emails) {
    const reaction = e.keywords?.$draft ? undefined : read(e);
    if (reaction) reactions.set(e.id, reaction);
  }
  const chips = new Map<Id, Map<string, Map<string, EmailAddress>>>();
  const folded = new Set<Id>();
  for (const e of emails) {
    const reaction = reactions.get(e.id);
    const by = e.from?.[0];
    const target = answered(e, byMessageId);
    if (!reaction || !by || !target || reactions.get(target.id)?.alone) continue;
    if (reaction.alone) folded.add(e.id);
    const of = getOrMake(chips, target.id, () => new Map<string, Map<string, EmailAddress>>());
    for (const emoji of reaction.emoji) {
      const people = getOrMake(of, emoji, () => new Map<string, EmailAddress>());
      const key = by.email.toLowerCase();
      if (!people.has(key)) people.set(key, by);
    }
  }
  return {
    folded,
    chips: new Map([...chips].map(([id, of]) => [id, [...of].map(([emoji, by]) => ({ emoji, by: [...by.values()] }))])),
  };
}

/** RFC 9078 4: the message that In-Reply-To names, where it is here. */
function answered(email: Email, byMessageId: ReadonlyMap<string, Email>): Email | undefined {
  for (const id of email.inReplyTo ?? []) {
    const other = byMessageId.get(id);
    if (other && other.id !== email.id) return other;
  }
  return undefined;
}

function getOrMake<K, V>(map: Map<K, V>, key: K, make: () => V): V {
  let v = map.get(key);
  if (v === undefined) {
    v = make();
    map.set(key, v);
  }
  return v;
}

/** The body of a mail that reacts: a program that knows no reactions shows the emoji as text. */
export function body(emoji: string): { bodyStructure: object; bodyValues: Record<string, { value: string }> } {
  return {
    // RFC 8621 4.6: the charset is the server's to choose; it takes UTF-8, as RFC 9078 3 asks.
    bodyStructure: { partId: "reaction", type: "text/plain", disposition: "reaction" },
    bodyValues: { reaction: { value: `${emoji}\r\n` } },
  };
}

/** To whom a reaction goes: to the author and to all who have the message, as an answer to all would; to the author alone where they are many. */
export function audience(
  email: Email,
  own: ReadonlySet<string>,
  most = 20,
): { to: EmailAddress[]; cc: EmailAddress[] } {
  const seen = new Set(own);
  const pick = (list: readonly EmailAddress[] | null | undefined) =>
    (list ?? []).filter((a) => {
      const key = a.email.toLowerCase();
      return a.email.includes("@") && !seen.has(key) && seen.add(key);
    });
  const author = pick(email.replyTo?.length ? email.replyTo : email.from);
  const to = pick(email.to);
  const cc = pick(email.cc);
  if (author.length > 0 && to.length + cc.length > most) return { to: author, cc: [] };
  return author.length > 0 ? { to: [...author, ...to], cc } : { to, cc };
}
