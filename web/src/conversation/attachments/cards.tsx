import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { size } from "../../i18n/format";
import type { Email, EmailBodyPart } from "../../jmap";
import { useMail } from "../../model";
import { Button, Icon } from "../../ui";
import { useShared } from "../context";
import css from "./attachments.module.css";
import { iconOf, isProgram, nameOf, previewOf, typeOf } from "./kinds";

/** So many cards at first, and with each step: a message may have thousands. */
const firstShown = 12;
const step = 100;
/** Pictures up to this size are their own thumbnails. */
const mostThumbnail = 8_000_000;

/** What hangs on a message: a card for each. */
export function Attachments({ email, parts }: { email: Email; parts: readonly EmailBodyPart[] }) {
  const mail = useMail();
  const [most, setMost] = useState(firstShown);
  const whole = parts.reduce((sum, p) => sum + p.size, 0);
  const rest = parts.length - most;
  const url = (p: EmailBodyPart) => mail.connection.downloadURL(p.blobId!, nameOf(p, "attachment"), typeOf(p));
  return (
    <section class={css.attachments} aria-label={t("conversation.attachments", { n: parts.length })}>
      <header>
        <Icon name="clip" size={16} />
        <span>
          {t("conversation.attachments", { n: parts.length })} · {size(whole)}
        </span>
        {parts.length > 1 && (
          <Button kind="quiet" icon="download" data-noprint onClick={() => void downloadAll(parts, url)}>
            {t("conversation.downloadAll")}
          </Button>
        )}
      </header>
      <ul>
        {parts.slice(0, most).map((p, i) => (
          <li key={p.partId ?? i}>
            <Card part={p} url={url(p)} email={email} look={parts} at={i} />
          </li>
        ))}
      </ul>
      {rest > 0 && (
        <Button kind="quiet" onClick={() => setMost(most + step)}>
          {t("conversation.showAttachments", { n: rest })}
        </Button>
      )}
    </section>
  );
}

interface CardProps {
  part: EmailBodyPart;
  url: string;
  email: Email;
  look: readonly EmailBodyPart[];
  at: number;
}

function Card({ part, url, look, at }: CardProps) {
  const { looking } = useShared();
  const name = nameOf(part, t(part.type === "message/rfc822" ? "conversation.unnamedMessage" : "conversation.unnamed"));
  const kind = previewOf(part);
  const picture = kind === "image" && part.size <= mostThumbnail;
  const show = () => {
    looking.value = { parts: look, at };
  };
  return (
    <div class={css.card}>
      {kind === "none" ? (
        <a class={css.face} href={url} download={name} aria-label={t("conversation.downloadNamed", { name })}>
          <Face part={part} />
        </a>
      ) : (
        <button type="button" class={css.face} aria-label={t("conversation.preview", { name })} onClick={show}>
          {picture ? <img src={url} alt="" loading="lazy" decoding="async" /> : <Face part={part} />}
        </button>
      )}
      <div class={css.foot}>
        <div class={css.label}>
          <bdi class={css.name} translate={false} title={name}>
            {name}
          </bdi>
          <span
            class={isProgram(part) ? css.danger : css.size}
            title={isProgram(part) ? t("conversation.dangerous") : undefined}
          >
            {size(part.size)}
          </span>
        </div>
        <a
          class={css.download}
          data-noprint
          href={url}
          download={name}
          aria-label={t("conversation.downloadNamed", { name })}
          title={t("conversation.download")}
        >
          <Icon name="download" size={18} />
        </a>
      </div>
    </div>
  );
}

function Face({ part }: { part: EmailBodyPart }) {
  return <Icon name={isProgram(part) ? "warning" : iconOf(part)} size={28} />;
}

/** Asks the browser for one after the other: it may ask its user once whether that is meant. */
async function downloadAll(parts: readonly EmailBodyPart[], url: (p: EmailBodyPart) => string): Promise<void> {
  for (const p of parts) {
    const link = document.createElement("a");
    link.href = url(p);
    link.download = nameOf(p, "attachment");
    link.click();
    await new Promise((next) => setTimeout(next, 250)); // browsers drop downloads that come all at once
  }
}
