import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n";
import type { Email } from "../../jmap";
import { useMail } from "../../model";
import { isDark } from "../../preferences/appearance";
import { type Clean, foldQuotes, type Pictures, type Placed, place, sanitize } from "../../safe";
import { handleKey } from "../../ui";
import { useShared } from "../context";
import css from "./frame.module.css";
import { follow } from "./height";
import { destinationOf, followLink, linkOf } from "./links";
import { PictureNotice, usePictures } from "./notice";
import { frameSheet, type Paper } from "./sheet";
import { insertFrame } from "./spare";

/**
 * HTML of a message, in a frame that runs no scripts. Its nodes are made safe in the frame's own document, whose policy forbids what the
 * sanitizer would miss, and go nowhere else.
 */
export function HTMLFrame({ email, html }: { email: Email; html: string }) {
  const mail = useMail();
  const { hint } = useShared();
  const at = useRef<HTMLDivElement>(null);
  const [shown, setShown] = useState<Shown | null>(null);
  const pictures = usePictures(email, shown?.clean.remote ?? none);
  const dark = isDark.value;
  const from: Pictures = { remote: pictures.path, cid: (id) => pathOfPart(email, id, mail.connection) };

  useLayoutEffect(() => insertFrame(at.current!, (frame) => setShown(put(frame, html, dark, from))), []);
  useEffect(() => {
    if (shown && shown.html !== html) setShown(put(shown.frame, html, dark, from)); // all of a clipped message
  }, [html]);
  useEffect(() => {
    if (pictures.version > 0) shown?.placed.show(from);
  }, [shown, pictures.version]);
  useEffect(() => {
    if (shown && shown.dark !== dark) shown.placed.paper(frameSheet(paper(shown.clean, dark)));
  }, [shown, dark]);
  useLayoutEffect(() => (shown ? follow(shown.frame, shown.placed.body) : undefined), [shown]);
  useEffect(() => (shown ? listen(shown.placed.body.ownerDocument, hint) : undefined), [shown]);

  return (
    <>
      {shown && <PictureNotice email={email} clean={shown.clean} pictures={pictures} />}
      <div ref={at} class={css.place} data-coloured={shown?.clean.coloured ?? false} data-shown={shown !== null} />
    </>
  );
}

interface Shown {
  frame: HTMLIFrameElement;
  html: string;
  dark: boolean;
  clean: Clean;
  placed: Placed;
}

const none: readonly string[] = [];

function put(frame: HTMLIFrameElement, html: string, dark: boolean, pictures: Pictures): Shown {
  const view = frame.contentWindow as Window & typeof globalThis;
  const clean = sanitize(html, view);
  const placed = place(clean, view.document, frameSheet(paper(clean, dark)), pictures);
  foldQuotes(placed.body, t("conversation.quoted"));
  frame.title = t("conversation.content");
  return { frame, html, dark, clean, placed };
}

function listen(doc: Document, hint: { value: ReturnType<typeof destinationOf> }): () => void {
  const point = (e: Event) => {
    const link = linkOf(e);
    hint.value = link && destinationOf(link);
  };
  const leave = () => {
    hint.value = undefined;
  };
  const click = (e: MouseEvent) => {
    const link = linkOf(e);
    if (link) followLink(e, link);
  };
  const ending = new AbortController();
  const o = { signal: ending.signal };
  doc.addEventListener("click", click, o);
  doc.addEventListener("auxclick", click, o); // the middle button opens links, too
  doc.addEventListener("mouseover", point, o);
  doc.addEventListener("focusin", point, o);
  doc.addEventListener("mouseleave", leave, o);
  doc.addEventListener("focusout", leave, o);
  doc.addEventListener("keydown", handleKey, o);
  return () => {
    ending.abort();
    leave();
  };
}

function paper(clean: Clean, dark: boolean): Paper {
  const root = getComputedStyle(document.documentElement);
  const token = (name: string) => root.getPropertyValue(name).trim();
  const font = token("--font");
  if (clean.coloured) {
    return {
      text: "#1b1e24",
      muted: "#5b6270",
      accent: "#1f4fc0",
      hover: "#e8ebf1",
      font,
      coloured: true,
      dark: false,
    };
  }
  const [text, muted, accent, hover] = ["--text", "--muted", "--accent", "--border"].map(token) as [
    string,
    string,
    string,
    string,
  ];
  return { text, muted, accent, hover, font, coloured: false, dark };
}

/** RFC 2392: the part that a cid: URL means, if it is a picture. */
function pathOfPart(
  email: Email,
  id: string,
  connection: { downloadURL(blobId: string, name: string, type: string): string },
) {
  const parts = [...(email.attachments ?? []), ...(email.htmlBody ?? [])];
  const part = parts.find((p) => p.cid === id || p.cid === `<${id}>`);
  if (!part?.blobId || !/^image\/(?!svg)/i.test(part.type)) return undefined;
  const url = new URL(connection.downloadURL(part.blobId, part.name ?? "picture", part.type), location.href);
  return url.origin === location.origin ? url.pathname + url.search : undefined;
}
