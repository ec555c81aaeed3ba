import { useMemo } from "preact/hooks";
import { act } from "../../app/ports";
import { t } from "../../i18n";
import { destination } from "../../safe";
import { useShared } from "../context";
import { linkify } from "./linkify";
import { type Flow, type Section, sections } from "./plain";
import css from "./text.module.css";

/** A plain text, as people mean it. It needs no frame: it is text. */
export function PlainText({ text, flow }: { text: string; flow: Flow }) {
  const parts = useMemo(() => sections(text, flow), [text, flow.flowed, flow.delSp]);
  return (
    <div class={css.plain} translate={false} dir="auto">
      {parts.map((part, i) => (
        <Part key={i} part={part} />
      ))}
    </div>
  );
}

function Part({ part }: { part: Section }) {
  if (part.kind !== "quote") {
    return (
      <p class={part.kind === "signature" ? css.signature : css.text} dir="auto">
        <Linked text={part.text} />
      </p>
    );
  }
  const inner = part.sections.map((s, i) => <Part key={i} part={s} />);
  if (!part.folded) return <blockquote>{inner}</blockquote>;
  return (
    <details class={css.fold}>
      <summary title={t("conversation.quoted")} aria-label={t("conversation.quoted")}>
        •••
      </summary>
      <blockquote>{inner}</blockquote>
    </details>
  );
}

function Linked({ text }: { text: string }) {
  const { hint } = useShared();
  return (
    <>
      {linkify(text).map((piece, i) => {
        if (!piece.href) return piece.text;
        const to = destination(piece.href, piece.text);
        const show = () => {
          hint.value = to;
        };
        const hide = () => {
          hint.value = undefined;
        };
        return (
          <a
            key={i}
            href={piece.href}
            target="_blank"
            rel="noopener noreferrer"
            onMouseEnter={show}
            onMouseLeave={hide}
            onFocus={show}
            onBlur={hide}
            onClick={(e) => {
              if (to?.scheme !== "mail") return;
              e.preventDefault();
              act("compose")({ kind: "mailto", uri: to.url });
            }}
          >
            {piece.text}
          </a>
        );
      })}
    </>
  );
}
