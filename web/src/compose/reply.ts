// The rules of answering and handing on: to whom, with what subject, and how the answer is tied to what it answers (RFC 5322 3.6.4).
import type { Email, EmailAddress, Identity } from "../jmap/types";
import { add, keyOf, type Person, person, sameAddress } from "./address";

export type How = "reply" | "replyAll";

/** The properties of an email that an answer is made of. */
export const originalProperties = [
  "id",
  "threadId",
  "mailboxIds",
  "keywords",
  "messageId",
  "inReplyTo",
  "references",
  "from",
  "to",
  "cc",
  "bcc",
  "replyTo",
  "subject",
  "sentAt",
  "receivedAt",
  "blobId",
  "size",
  "htmlBody",
  "textBody",
  "bodyValues",
  "attachments",
  "header:Mail-Followup-To:asAddresses",
  "header:Importance:asText",
  "header:X-Mailmesh-Draft:asText",
];

const people = (list: unknown) =>
  ((list as readonly EmailAddress[] | null) ?? []).map((a) => person(a.name ?? "", a.email));

/** Whom an answer goes to. Oneself is never among them, unless nobody else is. */
export function answerTo(email: Email, how: How, own: readonly string[]): { to: Person[]; cc: Person[] } {
  const mine = (p: Person) => own.some((o) => sameAddress(o, p.email));
  const others = (list: Person[]) => list.filter((p) => !mine(p));
  const from = people(email.from);
  const author = email.replyTo?.length ? people(email.replyTo) : from;
  const to = people(email.to);
  const cc = people(email.cc);
  // One goes on with what one has written oneself: to whom it went.
  if (from.length && from.every(mine)) {
    const again = others(to).length || !author.length ? to : author;
    return distinct(mostly(again, mine), how === "replyAll" ? others(cc) : []);
  }
  if (how === "reply") return distinct(mostly(author, mine), []);
  // Whoever wrote to a list may say where the answer shall go (Mail-Followup-To).
  const followup = others(people(email["header:Mail-Followup-To:asAddresses"]));
  if (followup.length) return distinct(followup, []);
  const all = others(add(others(author), to));
  return distinct(all.length ? all : mostly(author, mine), others(cc));
}

/** Without oneself, where somebody else is left. */
function mostly(list: Person[], mine: (p: Person) => boolean): Person[] {
  const others = list.filter((p) => !mine(p));
  return others.length ? others : list;
}

function distinct(to: Person[], cc: Person[]): { to: Person[]; cc: Person[] } {
  const first = add([], to);
  const seen = new Set(first.map(keyOf));
  return { to: first, cc: add([], cc).filter((p) => !seen.has(keyOf(p))) };
}

/** The words of many languages that stand before the subject of an answer, or of what is handed on. */
const answered = [
  "re",
  "aw",
  "antw",
  "antwort",
  "sv",
  "vs",
  "odp",
  "ynt",
  "res",
  "rif",
  "ref",
  "回复",
  "答复",
  "رد",
  "תגובה",
  "ΑΠ",
  "отв",
];
const handedOn = [
  "fwd",
  "fw",
  "wg",
  "tr",
  "rv",
  "enc",
  "vl",
  "doorst",
  "i",
  "vb",
  "пер",
  "转发",
  "轉寄",
  "إعادة توجيه",
  "העברה",
];
const prefix = (words: readonly string[]) =>
  new RegExp(`^\\s*(?:${words.join("|")})\\s*(?:(?:\\[\\d+\\]|\\(\\d+\\))\\s*)?[:：]\\s*`, "iu");
const answerPrefix = prefix(answered);
const handPrefix = prefix(handedOn);

/** RFC 5322 3.6.5: "Re: " once, however often it was answered. */
export function answerSubject(subject: string | null | undefined): string {
  let bare = (subject ?? "").trim();
  for (let i = 0; i < 50 && answerPrefix.test(bare); i++) bare = bare.replace(answerPrefix, "");
  return `Re: ${bare}`.trimEnd();
}

export function forwardSubject(subject: string | null | undefined): string {
  let bare = (subject ?? "").trim();
  for (let i = 0; i < 50 && handPrefix.test(bare); i++) bare = bare.replace(handPrefix, "");
  return `Fwd: ${bare}`.trimEnd();
}

/** A thread that goes on for years: the first, and the newest, are enough to find it. */
const maxReferences = 100;

/** RFC 5322 3.6.4: what the answer names of what it answers. */
export function tied(email: Email): { inReplyTo: string[]; references: string[] } {
  const id = email.messageId?.[0];
  if (!id) return { inReplyTo: [], references: [] };
  const before = email.references?.length ? email.references : email.inReplyTo?.length === 1 ? email.inReplyTo : [];
  const all = [...new Set([...before.filter((r) => r !== id), id])];
  return { inReplyTo: [id], references: all.length > maxReferences ? [all[0]!, ...all.slice(1 - maxReferences)] : all };
}

/** Which of one's identities answers: the one that was written to. */
export function answering(email: Email, identities: readonly Identity[]): Identity | undefined {
  const exact = (list: readonly EmailAddress[] | null | undefined) =>
    identities.find((i) => list?.some((a) => a.email.toLowerCase() === i.email.toLowerCase()));
  const near = (list: readonly EmailAddress[] | null | undefined) =>
    identities.find((i) => list?.some((a) => sameAddress(a.email, i.email)));
  const fields = [email.to, email.cc, email.bcc, email.from];
  return fields.map(exact).find(Boolean) ?? fields.map(near).find(Boolean) ?? identities[0];
}
