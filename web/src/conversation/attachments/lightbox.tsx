import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n";
import { size } from "../../i18n/format";
import type { EmailBodyPart } from "../../jmap";
import { say, troubleOf, useMail } from "../../model";
import { Button, Icon, IconButton, Spinner } from "../../ui";
import { useShared } from "../context";
import css from "./attachments.module.css";
import { iconOf, nameOf, previewOf, typeOf } from "./kinds";

const mostText = 1_000_000; // octets of a text that are shown
const mostOpened = 50_000_000; // octets of a file that the browser's viewer gets from memory

/** Looks at attachments, one after the other, over the whole window. */
export function Lightbox() {
  const { looking } = useShared();
  const mail = useMail();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    element.current?.showModal();
    return () => before?.focus();
  }, []);
  const at = looking.value;
  const part = at?.parts[at.at];
  if (!at || !part) return null;
  const name = nameOf(part, t("conversation.unnamed"));
  const url = mail.connection.downloadURL(part.blobId!, name, typeOf(part));
  const close = () => {
    looking.value = undefined;
  };
  const go = (by: 1 | -1) => {
    const to = at.at + by;
    if (at.parts[to]) looking.value = { ...at, at: to };
  };
  const forward = document.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
  const back = document.dir === "rtl" ? "ArrowRight" : "ArrowLeft";
  return (
    <dialog
      ref={element}
      class={css.lightbox}
      aria-label={name}
      onCancel={(e) => {
        e.preventDefault();
        close();
      }}
      onKeyDown={(e) => {
        if (e.key === forward) go(1);
        else if (e.key === back) go(-1);
      }}
    >
      <div class={css.stage}>
        <header class={css.bar}>
          <h2 translate={false}>{name}</h2>
          <span>{size(part.size)}</span>
          <IconButton
            icon="chevronLeft"
            label={t("conversation.previousAttachment")}
            disabled={at.at === 0}
            onClick={() => go(-1)}
          />
          <IconButton
            icon="chevronRight"
            label={t("conversation.nextAttachment")}
            disabled={at.at === at.parts.length - 1}
            onClick={() => go(1)}
          />
          <a class={css.download} href={url} download={name} aria-label={t("conversation.downloadNamed", { name })}>
            <Icon name="download" />
          </a>
          <IconButton icon="close" label={t("ui.close")} onClick={close} />
        </header>
        <div class={css.view}>
          <View key={part.blobId} part={part} url={url} name={name} />
        </div>
      </div>
    </dialog>
  );
}

function View({ part, url, name }: { part: EmailBodyPart; url: string; name: string }) {
  const kind = previewOf(part);
  if (kind === "image") return <img src={url} alt={name} />;
  if (kind === "text") return <TextView url={url} />;
  // biome-ignore lint/a11y/useMediaCaption: what was sent has none
  if (kind === "video") return <video src={url} controls />;
  // biome-ignore lint/a11y/useMediaCaption: what was sent has none
  if (kind === "audio") return <audio src={url} controls />;
  return (
    <div class={css.plain}>
      <Icon name={iconOf(part)} size={48} />
      {kind === "pdf" && part.size <= mostOpened ? <OpenPDF url={url} /> : <p>{t("conversation.noPreview")}</p>}
    </div>
  );
}

function TextView({ url }: { url: string }) {
  const [text, setText] = useState<string | null>(null);
  const [clipped, setClipped] = useState(false);
  useEffect(() => {
    const ending = new AbortController();
    fetch(url, { headers: { Range: `bytes=0-${mostText - 1}` }, signal: ending.signal })
      .then(async (r) => {
        if (!r.ok) throw new Error(String(r.status));
        const all = await r.text();
        setClipped(all.length >= mostText);
        setText(all.slice(0, mostText));
      })
      .catch((e) => !ending.signal.aborted && setText(t("conversation.failed", { why: say(troubleOf(e)) })));
    return () => ending.abort();
  }, [url]);
  if (text === null) return <Spinner label={t("conversation.loading")} />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is reached by keyboard
    <pre translate={false} dir="auto" tabIndex={0}>
      {clipped && `${t("conversation.sourceClipped", { size: size(mostText) })}\n\n`}
      {text}
    </pre>
  );
}

// The browser's viewer gets the bytes under the one type that it is for, so that nothing else can come out of them.
function OpenPDF({ url }: { url: string }) {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    let made: string | null = null;
    let here = true;
    fetch(url)
      .then(async (r) => {
        const bytes = await r.blob();
        if (!here) return;
        made = URL.createObjectURL(new Blob([bytes], { type: "application/pdf" }));
        setAddress(made);
      })
      .catch(() => setAddress(null));
    return () => {
      here = false;
      if (made) URL.revokeObjectURL(made);
    };
  }, [url]);
  if (!address) return <Spinner label={t("conversation.loading")} />;
  return (
    <Button kind="primary" icon="external" onClick={() => window.open(address, "_blank", "noopener")}>
      {t("conversation.openTab")}
    </Button>
  );
}
