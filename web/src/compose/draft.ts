// A message that is being written, as a value: what the composer edits, the journal keeps, and Email/set is given (RFC 8621 4.6).
//
// The body is in three parts, which stay apart while one writes: what the user writes, the signature, and what is quoted. Quotes and
// signatures may hold HTML that the editor does not know (tables, colours); apart from it they come through unchanged. In the message
// they are marked by a class, so that a draft that is opened again has its parts.
import type { Email, EmailAddress, EmailBodyPart, Id, Identity } from "../jmap/types";
import { type Person, person } from "./address";
import { park, parkedStyle, unpark } from "./parked";
import { escapeHtml, htmlToText, textToHtml } from "./text";

/** Something that goes with a message. */
export interface Attached {
  id: string; // in the journal
  name: string;
  type: string;
  size: number;
  blobId: Id | null; // null: not with the server yet
  cid: string | null; // of pictures in the text
}

/** What a message answers or hands on: it is marked so when the message has gone. */
export interface Answered {
  emailId: Id;
  threadId: Id;
  how: "reply" | "forward";
}

export interface Draft {
  key: string; // in the journal
  messageId: string; // the same in all versions, and in what is sent: it is found by it
  identityId: Id | null; // null: the first
  to: Person[];
  cc: Person[];
  bcc: Person[];
  subject: string;
  rich: boolean; // false: all of the message is `text`
  html: string;
  signature: string; // HTML
  quote: string; // HTML
  quoteOpen: boolean;
  text: string;
  files: Attached[];
  inReplyTo: string[];
  references: string[];
  answers: Answered | null;
  urgent: boolean;
}

export const randomId = () => crypto.randomUUID();

export function emptyDraft(identity: Identity | undefined): Draft {
  const key = randomId();
  return {
    key,
    messageId: `${key}@${domainOf(identity?.email)}`,
    identityId: identity?.id ?? null,
    to: [],
    cc: [],
    bcc: [],
    subject: "",
    rich: true,
    html: "",
    signature: "",
    quote: "",
    quoteOpen: false,
    text: "",
    files: [],
    inReplyTo: [],
    references: [],
    answers: null,
    urgent: false,
  };
}

/** A Message-ID stands in every header in ASCII (RFC 5322 3.6.4). */
function domainOf(email: string | undefined): string {
  const domain = email?.split("@")[1] ?? "";
  return /^[\w.-]+$/.test(domain) ? domain : "localhost";
}

/** Whether somebody has written anything: an empty draft is not kept. */
export function isEmpty(d: Draft): boolean {
  const written = d.rich ? htmlToText(d.html) || /<img/i.test(d.html) : d.text.trim();
  return (
    !written &&
    d.files.every((f) => f.cid) &&
    !(d.answers ? false : d.subject || d.to.length + d.cc.length + d.bcc.length)
  );
}

export const recipients = (d: Draft) => [...d.to, ...d.cc, ...d.bcc];

/** A header says this of a version: by whom it was saved. It is in drafts only, never in what is sent. */
export const versionField = "header:X-Mailmesh-Draft:asText";

export interface Placing {
  from: Identity;
  mailboxId: Id;
  version?: string;
  at?: Date; // when it goes, if that is not now
}

/** The draft as an email that is to be created. What is not uploaded yet is left out. */
export function toEmail(d: Draft, p: Placing): Record<string, unknown> {
  const email: Record<string, unknown> = {
    mailboxIds: { [p.mailboxId]: true },
    keywords: { $draft: true, $seen: true },
    messageId: [d.messageId],
    from: [{ name: p.from.name || null, email: p.from.email }],
    subject: d.subject,
    ...body(d),
  };
  for (const field of ["to", "cc", "bcc"] as const) if (d[field].length) email[field] = d[field].map(addressOf);
  if (p.from.replyTo?.length) email.replyTo = p.from.replyTo;
  if (d.inReplyTo.length) email.inReplyTo = d.inReplyTo;
  if (d.references.length) email.references = d.references;
  if (d.urgent) Object.assign(email, { "header:Importance:asText": "high", "header:X-Priority:asText": "1" });
  if (p.version) email[versionField] = p.version;
  if (p.at) email.sentAt = localDate(p.at);
  return email;
}

export const addressOf = (p: Person): EmailAddress => ({ name: p.name || null, email: p.email });

/** A Date as JMAP writes it (RFC 8620 1.4), with the zone of who writes. */
export function localDate(at: Date): string {
  const zone = -at.getTimezoneOffset();
  const two = (n: number) => String(Math.floor(Math.abs(n))).padStart(2, "0");
  const local = new Date(at.getTime() + zone * 60_000).toISOString().slice(0, 19);
  return `${local}${zone < 0 ? "-" : "+"}${two(zone / 60)}:${two(zone % 60)}`;
}

function body(d: Draft): Record<string, unknown> {
  const files = sent(d);
  const attachments = files.map((f) => ({
    blobId: f.blobId,
    type: f.type || "application/octet-stream",
    name: f.name,
    disposition: f.cid ? "inline" : "attachment",
    ...(f.cid && { cid: f.cid }),
  }));
  return {
    bodyValues: {
      t: { value: d.rich ? htmlToText(assemble(d)) : d.text },
      ...(d.rich && { h: { value: unpark(assemble(d)) } }),
    },
    textBody: [{ partId: "t", type: "text/plain" }],
    ...(d.rich && { htmlBody: [{ partId: "h", type: "text/html" }] }),
    ...(attachments.length && { attachments }),
  };
}

/** What goes with the message: pictures that were taken out of the text do not. */
export function sent(d: Draft): Attached[] {
  const text = d.html + d.signature + d.quote;
  return d.files.filter((f) => f.blobId && (!f.cid || (d.rich && text.includes(`cid:${f.cid}`))));
}

const signatureClass = "mailmesh-signature";
const quoteClass = "mailmesh-quote";
/** For those who read it elsewhere: a line beside what is quoted. */
const quoteStyle = "margin:0 0 0 0.4em;padding:0 0 0 0.8em;border-left:2px solid #ccc";

/** The HTML of a message, of its three parts; its styles are parked. */
export function assemble(d: Draft): string {
  const parts = [asLines(d.html)];
  if (d.signature) parts.push(`<div class="${signatureClass}">${d.signature}</div>`);
  if (d.quote) parts.push(`<div class="${quoteClass}">${d.quote}</div>`);
  return `<!doctype html><html><body>${parts.join("\n")}</body></html>`;
}

/** What the editor shows as lines are lines everywhere: other programs put a space between paragraphs. */
const asLines = (html: string) => html.replaceAll("<p></p>", "<p><br></p>").replace(/<(\/?)p>/g, "<$1div>");

/** Quotes HTML below a line that says who has written it. Both are clean already. */
export function quotation(attribution: string, html: string): string {
  return `<p>${escapeHtml(attribution)}</p><blockquote type="cite" ${parkedStyle}="${quoteStyle}">${html}</blockquote>`;
}

/** The HTML and text of an email with its bodyValues, as far as it is shown. */
export function contentOf(email: Email): { html: string | null; text: string } {
  const value = (p: EmailBodyPart) => email.bodyValues?.[p.partId ?? ""]?.value ?? "";
  const textual = (list: readonly EmailBodyPart[] | undefined, type: string) =>
    (list ?? []).filter((p) => p.type === type);
  const html = textual(email.htmlBody, "text/html");
  const text = textual(email.textBody, "text/plain").map(value).join("\n");
  if (!html.length) return { html: null, text };
  const whole = (email.htmlBody ?? [])
    .map((p) => (p.type === "text/html" ? value(p) : p.type === "text/plain" ? textToHtml(value(p)) : ""))
    .join("\n");
  return { html: whole, text: text || htmlToText(park(whole)) };
}

/** What goes with an email, to go with another one. */
export function filesOf(email: Email, which: (p: EmailBodyPart) => boolean = () => true): Attached[] {
  return (email.attachments ?? [])
    .filter((p) => p.blobId && which(p))
    .map((p) => ({
      id: randomId(),
      name: p.name ?? (p.type === "message/rfc822" ? "message.eml" : ""),
      type: p.type,
      size: p.size,
      blobId: p.blobId,
      cid: p.cid,
    }));
}

/** A draft that lies with the server, whoever has made it. `clean` makes its HTML harmless. */
export function fromEmail(email: Email, identities: readonly Identity[], clean: (html: string) => string): Draft {
  const from = email.from?.[0]?.email.toLowerCase();
  const identity = identities.find((i) => i.email.toLowerCase() === from) ?? identities[0];
  const { html, text } = contentOf(email);
  const people = (list: readonly EmailAddress[] | null | undefined) =>
    (list ?? []).map((a) => person(a.name ?? "", a.email));
  const made: Draft = {
    ...emptyDraft(identity),
    to: people(email.to),
    cc: people(email.cc),
    bcc: people(email.bcc),
    subject: email.subject ?? "",
    rich: html !== null,
    text: text.replace(/\n$/, ""), // the end of the last line (RFC 5322 2.3)
    inReplyTo: [...(email.inReplyTo ?? [])],
    references: [...(email.references ?? [])],
    urgent:
      String(email["header:Importance:asText"] ?? "")
        .trim()
        .toLowerCase() === "high",
    ...(html !== null && parts(clean(html))),
  };
  if (email.messageId?.[0]) made.messageId = email.messageId[0];
  const shown = made.html + made.signature + made.quote;
  made.files = filesOf(email).map((f) => ({ ...f, cid: f.cid && shown.includes(`cid:${f.cid}`) ? f.cid : null }));
  return made;
}

/** What the editor can hold without a loss. */
const known = /^(P|BR|STRONG|B|EM|I|U|S|STRIKE|DEL|A|UL|OL|LI|BLOCKQUOTE|CODE|PRE|H[1-3]|HR|IMG|DIV|SPAN)$/;

/** Parts the HTML of a draft. What the editor would spoil is left as it is, among what is quoted. */
function parts(html: string): Pick<Draft, "html" | "signature" | "quote" | "quoteOpen"> {
  const doc = new DOMParser().parseFromString(html, "text/html").body;
  const take = (name: string) => {
    const found = doc.querySelector(`:scope > .${name}`);
    found?.remove();
    return found?.innerHTML ?? "";
  };
  const signature = take(signatureClass);
  const quote = take(quoteClass);
  const foreign = [...doc.querySelectorAll("*")].some(
    (e) => !known.test(e.tagName.toUpperCase()) || e.hasAttribute(parkedStyle),
  );
  if (foreign && !quote && !signature) return { html: "", signature: "", quote: doc.innerHTML, quoteOpen: true };
  asParagraphs(doc);
  return { html: doc.innerHTML.trim(), signature, quote, quoteOpen: false };
}

/** The opposite of asLines. */
function asParagraphs(body: HTMLElement): void {
  for (const line of body.querySelectorAll("div")) {
    if (line.querySelector("div, p, ul, ol, blockquote, pre, h1, h2, h3, hr")) continue;
    const p = body.ownerDocument.createElement("p");
    p.append(...line.childNodes);
    if (p.childNodes.length === 1 && p.firstElementChild?.tagName === "BR") p.replaceChildren();
    line.replaceWith(p);
  }
}

/** The same message in plain text, or with formats again. */
export function inPlainText(d: Draft): Draft {
  return { ...d, rich: false, text: htmlToText(assemble(d)), html: "", signature: "", quote: "" };
}

export function inRichText(d: Draft): Draft {
  return { ...d, rich: true, html: textToHtml(d.text), text: "", signature: "", quote: "" };
}

/** The signature of an identity, as HTML. */
export async function signatureOf(identity: Identity | undefined): Promise<string> {
  if (!identity) return "";
  if (!identity.htmlSignature) return identity.textSignature && textToHtml(identity.textSignature);
  const { clean } = await import("./clean");
  return clean(identity.htmlSignature);
}
