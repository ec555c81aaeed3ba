// What is answered, handed on or gone on with, as it is read from the server, and the draft that it makes.
import type { Compose } from "../app/ports";
import { t } from "../i18n";
import { dateTime } from "../i18n/format";
import type { Email, EmailAddress, GetResponse, Id } from "../jmap/types";
import type { Mail } from "../model";
import { preferences } from "../preferences";
import { parsePeople, written } from "./address";
import {
  contentOf,
  type Draft,
  emptyDraft,
  filesOf,
  fromEmail,
  inPlainText,
  quotation,
  randomId,
  signatureOf,
} from "./draft";
import { parseMailto } from "./mailto";
import { answering, answerSubject, answerTo, forwardSubject, type How, originalProperties, tied } from "./reply";
import { escapeHtml, textToHtml } from "./text";

/** So much of what is quoted is taken; of a draft all is. */
const maxQuote = 500_000;

export async function load(mail: Mail, id: Id, whole = false): Promise<Email> {
  const got = await mail.connection.call<GetResponse<Email>>("Email/get", {
    ids: [id],
    properties: originalProperties,
    bodyProperties: ["partId", "blobId", "size", "name", "type", "charset", "disposition", "cid"],
    fetchTextBodyValues: true,
    fetchHTMLBodyValues: true,
    ...(!whole && { maxBodyValueBytes: maxQuote }),
  });
  const email = got.list[0];
  if (!email) throw new Gone();
  return email;
}

export class Gone extends Error {}

/** Makes the draft that is asked for. */
export async function begin(mail: Mail, what: Compose): Promise<Draft> {
  if (what.kind === "new") return fresh(mail, what);
  if (what.kind === "mailto") return fresh(mail, parseMailto(what.uri) ?? { kind: "new" });
  const [email, { clean, cleanDraft }] = await Promise.all([
    load(mail, what.emailId, what.kind === "draft"),
    import("./clean"),
  ]);
  if (what.kind === "draft") return fromEmail(email, mail.identities.value, cleanDraft);
  const made = await (what.kind === "forward" || what.kind === "forwardAttached"
    ? forward(mail, email, what.kind, clean)
    : answer(mail, email, what.kind, clean));
  return preferences.plainText.value ? plain(made) : made;
}

async function fresh(mail: Mail, what: Extract<Compose, { kind: "new" }>): Promise<Draft> {
  const identity = mail.identities.value[0];
  const made: Draft = {
    ...emptyDraft(identity),
    to: parsePeople(what.to ?? ""),
    cc: parsePeople(what.cc ?? ""),
    bcc: [...parsePeople(what.bcc ?? ""), ...own(identity?.bcc)],
    subject: what.subject ?? "",
    html: what.body ? textToHtml(what.body) : "",
    signature: await signatureOf(identity),
  };
  return preferences.plainText.value ? plain(made) : made;
}

const own = (list: readonly EmailAddress[] | null | undefined) =>
  (list ?? []).map((a) => ({ name: a.name ?? "", email: a.email }));

/** In plain text, with a line above it all to begin in. */
function plain(d: Draft): Draft {
  const made = inPlainText(d);
  return { ...made, text: made.text ? `\n\n${made.text}` : "" };
}

type Clean = (html: string) => string;

async function based(mail: Mail, email: Email): Promise<Draft> {
  const identity = answering(email, mail.identities.value);
  return { ...emptyDraft(identity), bcc: own(identity?.bcc), signature: await signatureOf(identity) };
}

export async function answer(mail: Mail, email: Email, how: How, clean: Clean): Promise<Draft> {
  const { html, text } = contentOf(email);
  const quoted = html === null ? textToHtml(text) : clean(html);
  const base = await based(mail, email);
  const author = email.from?.[0];
  const holes = { who: author?.name || author?.email || t("compose.somebody"), when: sentAt(email) };
  return {
    ...base,
    ...addressed(mail, email, how),
    subject: answerSubject(email.subject),
    quote: quotation(t("compose.wrote", holes), quoted),
    files: filesOf(email, (p) => p.cid !== null && quoted.includes(`cid:${p.cid}`)),
    answers: { emailId: email.id, threadId: email.threadId!, how: "reply" },
  };
}

/** Whom an answer goes to, and how it is tied to what it answers. */
export function addressed(mail: Mail, email: Email, how: How): Pick<Draft, "to" | "cc" | "inReplyTo" | "references"> {
  const mine = mail.identities.value.map((i) => i.email);
  return { ...answerTo(email, how, [...mine, mail.login]), ...tied(email) };
}

async function forward(mail: Mail, email: Email, kind: "forward" | "forwardAttached", clean: Clean): Promise<Draft> {
  const made: Draft = {
    ...(await based(mail, email)),
    subject: forwardSubject(email.subject),
    answers: { emailId: email.id, threadId: email.threadId!, how: "forward" },
  };
  if (kind === "forwardAttached") {
    const name = `${
      (email.subject ?? "")
        .replace(/[^\p{L}\p{N} ._-]+/gu, " ")
        .trim()
        .slice(0, 80) || "message"
    }.eml`;
    const whole = {
      id: randomId(),
      name,
      type: "message/rfc822",
      size: email.size ?? 0,
      blobId: email.blobId!,
      cid: null,
    };
    return { ...made, files: [whole] };
  }
  const { html, text } = contentOf(email);
  const quoted = html === null ? textToHtml(text) : clean(html);
  const files = filesOf(email).map((f) => ({ ...f, cid: f.cid && quoted.includes(`cid:${f.cid}`) ? f.cid : null }));
  return { ...made, quote: `${head(email)}${quoted}`, quoteOpen: true, files };
}

/** The head of a message that is handed on, for its reader. */
function head(email: Email): string {
  const who = (list: readonly EmailAddress[] | null | undefined) =>
    (list ?? []).map((a) => written({ name: a.name ?? "", email: a.email })).join(", ");
  const lines: [string, string][] = [
    [t("compose.from"), who(email.from)],
    [t("compose.date"), sentAt(email)],
    [t("compose.subject"), email.subject ?? ""],
    [t("compose.to"), who(email.to)],
    [t("compose.cc"), who(email.cc)],
  ];
  const shown = lines
    .filter(([, value]) => value)
    .map(([name, value]) => `<b>${escapeHtml(name)}:</b> ${escapeHtml(value)}`);
  return `<p>---------- ${escapeHtml(t("compose.forwarded"))} ----------<br>${shown.join("<br>")}</p>`;
}

const sentAt = (email: Email) => dateTime(new Date(email.sentAt ?? email.receivedAt ?? Date.now()));
