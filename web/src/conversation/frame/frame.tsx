import { useEffect, useRef, useState } from "preact/hooks";
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

/**
 * HTML of a message, in a frame that runs no scripts. Its nodes are made safe in the frame's own document, whose policy forbids what the
 * sanitizer would miss, and go nowhere else.
 */
export function HTMLFrame({ email, html }: { email: Email; html: string }) {
  const mail = useMail();
  const { hint } = useShared();
  const frame = useRef<HTMLIFrameElement>(null);
  const [shown, setShown] = useState<{ clean: Clean; placed: Placed } | null>(null);
  const pictures = usePictures(email, shown?.clean.remote ?? []);
  const dark = isDark.value;
  const from: Pictures = { remote: pictures.path, cid: (id) => pathOfPart(email, id, mail.connection) };

  const put = () => {
    const view = frame.current?.contentWindow as (Window & typeof globalThis) | null;
    if (!view?.document.body || view.location.pathname === "blank") return;
    const clean = sanitize(html, view);
    const placed = place(clean, view.document, frameSheet(paper(clean, dark)), from);
    foldQuotes(placed.body, t("conversation.quoted"));
    setShown({ clean, placed });
  };
  useEffect(() => {
    if (shown) put(); // another text: all of a clipped message
  }, [html]);
  useEffect(() => shown?.placed.show(from), [shown, pictures.version]);
  useEffect(() => shown?.placed.paper(frameSheet(paper(shown.clean, dark))), [shown, dark]);
  useEffect(() => (shown && frame.current ? follow(frame.current, shown.placed.body) : undefined), [shown]);
  useEffect(() => (shown ? listen(shown.placed.body.ownerDocument, hint) : undefined), [shown]);

  return (
    <>
      {shown && <PictureNotice email={email} clean={shown.clean} pictures={pictures} />}
      <iframe
        ref={frame}
        class={css.frame}
        data-coloured={shown?.clean.coloured ?? false}
        data-shown={shown !== null}
        title={t("conversation.content")}
        sandbox="allow-same-origin allow-popups allow-popups-to-escape-sandbox"
        referrerpolicy="no-referrer"
        src="/frame.html"
        onLoad={put}
      />
    </>
  );
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
