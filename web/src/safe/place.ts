// Puts a sanitized message into the frame's document: moves its nodes there, then gives them their styles through the CSSOM and their pictures, so far as
// these may be shown. Styles and pictures are set by us one by one; no attribute of the message is read again.

import { type Declaration, pictureValue, sheetText } from "./css";
import type { Clean } from "./sanitize";
import type { PictureSource } from "./urls";

/** What stands in for a picture that is not fetched: one clear pixel. */
const nothing = "data:image/gif;base64,R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7";

/** Where pictures are, at this server. undefined: it is not shown. */
export interface Pictures {
  remote(url: string): string | undefined;
  cid(id: string): string | undefined;
}

export interface Placed {
  body: HTMLElement;
  /** show is called again when more pictures may be shown. */
  show(pictures: Pictures): void;
  /** Another sheet of the frame's own: the theme has changed. */
  paper(base: string): void;
}

/** place moves clean into doc, which is the frame's. base is the frame's own sheet. */
export function place(clean: Clean, doc: Document, base: string, pictures: Pictures): Placed {
  const view = doc.defaultView as (Window & typeof globalThis) | null;
  if (!view) throw new Error("the frame is not in a page any more");
  const ours = new view.CSSStyleSheet();
  ours.replaceSync(base);
  const theirs = new view.CSSStyleSheet();
  doc.adoptedStyleSheets = [theirs, ours];
  const body = doc.adoptNode(clean.body);
  const texts = new Map<readonly Declaration[], string>();
  for (const { element, declarations } of clean.styles) {
    const text = texts.get(declarations) ?? plainText(declarations);
    texts.set(declarations, text);
    element.style.cssText = text;
  }
  const show = (from: Pictures) => {
    const where = (p: PictureSource) => path(p, from);
    theirs.replaceSync(sheetText(clean.rules, where));
    for (const { element, declarations } of clean.styles) {
      for (const d of declarations) {
        const at = d.picture && where(d.picture);
        if (at !== undefined) set(element, d, pictureValue(at));
      }
    }
    for (const p of clean.pictures) showPicture(p.element, p.tracker ? undefined : where(p.source), p.tracker);
  };
  show(pictures);
  doc.body.replaceChildren(body);
  return { body, show, paper: (text) => void ours.replaceSync(text) };
}

/** What the browser itself has written of declarations that were let in; those with pictures are set one by one. */
function plainText(declarations: readonly Declaration[]): string {
  const plain = declarations.filter((d) => !d.picture);
  return plain.map((d) => `${d.property}:${d.value}${d.important ? "!important" : ""}`).join(";");
}

function set(element: HTMLElement, d: Declaration, value: string): void {
  element.style.setProperty(d.property, value, d.important ? "important" : "");
}

function path(p: PictureSource, from: Pictures): string | undefined {
  if (p.kind === "data") return p.url;
  const at = p.kind === "cid" ? from.cid(p.id) : from.remote(p.url);
  return at?.startsWith("/") && !at.startsWith("//") ? at : undefined; // ours alone
}

function showPicture(img: HTMLImageElement, at: string | undefined, tracker: boolean): void {
  img.classList.toggle("mm-blocked", at === undefined && !tracker);
  img.classList.toggle("mm-tracker", tracker);
  const src = at ?? nothing;
  if (img.getAttribute("src") === src) return;
  img.loading = at === undefined ? "eager" : "lazy";
  img.decoding = "async";
  img.src = src;
}
