// Which parts of a message are its text, and which hang on it.
import type { Email, EmailBodyPart } from "../../jmap";
import { type Flow, flowOf } from "../text/plain";

export type Text =
  | { kind: "html"; html: string; clipped: Clipped[]; damaged: boolean }
  | { kind: "plain"; text: string; flow: Flow; clipped: Clipped[]; damaged: boolean }
  | { kind: "none" };

/** A part of which only the beginning is here. */
export interface Clipped {
  partId: string;
  size: number;
}

/** textOf is what there is to read: the HTML of a message where it has some, with the plain parts between it (RFC 8621 4.1.4). */
export function textOf(email: Email): Text {
  const parts = (email.htmlBody?.length ? email.htmlBody : (email.textBody ?? [])).filter(isText);
  const value = (p: EmailBodyPart) => (p.partId === null ? undefined : email.bodyValues?.[p.partId]);
  const here = parts.filter((p) => value(p) !== undefined);
  if (here.length === 0) return { kind: "none" };
  const clipped = here.filter((p) => value(p)?.isTruncated).map((p) => ({ partId: p.partId!, size: p.size }));
  const damaged = here.some((p) => value(p)?.isEncodingProblem);
  if (!here.some((p) => isHTML(p))) {
    const contentType = here[0] && (here[0] as { "header:Content-Type"?: string | null })["header:Content-Type"];
    const text = here.map((p) => value(p)?.value ?? "").join("\n");
    return { kind: "plain", text, flow: flowOf(contentType), clipped, damaged };
  }
  const html = here.map((p) => (isHTML(p) ? (value(p)?.value ?? "") : asHTML(value(p)?.value ?? ""))).join("\n");
  return { kind: "html", html, clipped, damaged };
}

const isHTML = (p: EmailBodyPart) => p.type.toLowerCase() === "text/html";
const isText = (p: EmailBodyPart) => isHTML(p) || p.type.toLowerCase() === "text/plain";

function asHTML(text: string): string {
  const signs: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
  return `<pre>${text.replace(/[&<>]/g, (sign) => signs[sign]!)}</pre>`;
}

/** attachmentsOf is what hangs on a message: without the pictures that its HTML shows, with those that stand between its texts. */
export function attachmentsOf(email: Email, text: Text): readonly EmailBodyPart[] {
  const between = (email.htmlBody ?? []).filter((p) => !isText(p));
  const all = new Map<string, EmailBodyPart>();
  for (const p of [...between, ...(email.attachments ?? [])]) {
    if (p.blobId && !isShownInside(p, text)) all.set(p.partId ?? p.blobId, p);
  }
  return [...all.values()];
}

function isShownInside(p: EmailBodyPart, text: Text): boolean {
  if (text.kind !== "html" || !p.cid || !/^image\//i.test(p.type)) return false;
  const id = p.cid.replace(/^<|>$/g, "");
  return text.html.includes(`cid:${id}`) || text.html.includes(`cid:${encodeURIComponent(id)}`);
}

/** The part that invites to an event, or answers (RFC 6047). */
export function calendarOf(email: Email): EmailBodyPart | undefined {
  return (
    (email.attachments ?? []).find((p) => /^text\/calendar$/i.test(p.type)) ??
    (email.attachments ?? []).find((p) => /\.ics$/i.test(p.name ?? ""))
  );
}

export function isEncrypted(email: Email): boolean {
  return (email.attachments ?? []).some((p) => p.type.toLowerCase() === "application/pgp-encrypted");
}
