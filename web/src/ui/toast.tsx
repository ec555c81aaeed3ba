import { signal } from "@preact/signals";
import { t } from "../i18n";
import { Button, IconButton } from "./button";
import css from "./ui.module.css";

export interface Toast {
  text: string;
  undo?: () => void;
  action?: { text: string; do: () => void };
  kind?: "plain" | "error";
  lasts?: number; // milliseconds; 0: until it is closed
}

interface Shown extends Toast {
  id: number;
}

const shown = signal<readonly Shown[]>([]);
let last = 0;

/** Tells something that needs no answer; returns what takes it away. The newest three are shown. */
export function toast(what: Toast): () => void {
  const one = { ...what, id: ++last };
  shown.value = [...shown.value.slice(-2), one];
  const close = () => {
    shown.value = shown.value.filter((s) => s.id !== one.id);
  };
  const lasts = what.lasts ?? (what.kind === "error" ? 12_000 : what.undo || what.action ? 8_000 : 4_000);
  if (lasts) setTimeout(close, lasts);
  return close;
}

/** Takes back what the newest toast offers to. Whether there was something. */
export function undoLast(): boolean {
  const one = shown.value.findLast((s) => s.undo);
  if (!one) return false;
  shown.value = shown.value.filter((s) => s.id !== one.id);
  one.undo!();
  return true;
}

const said = signal("");

/** Says something to who cannot see it (WCAG 2.2, 4.1.3). */
export function announce(text: string): void {
  said.value = said.value === text ? `${text} ` : text;
}

/** Where toasts and announcements are: once, in the page. */
export function Toasts() {
  return (
    <>
      <div class={css.toasts} role="status" aria-live="polite">
        {shown.value.map((s) => {
          const close = () => {
            shown.value = shown.value.filter((other) => other.id !== s.id);
          };
          const then = (act: () => void) => () => {
            close();
            act();
          };
          return (
            <div key={s.id} class={s.kind === "error" ? `${css.toast} ${css.toastError}` : css.toast}>
              <span>{s.text}</span>
              {s.undo && (
                <Button kind="quiet" onClick={then(s.undo)}>
                  {t("ui.undo")}
                </Button>
              )}
              {s.action && (
                <Button kind="quiet" onClick={then(s.action.do)}>
                  {s.action.text}
                </Button>
              )}
              <IconButton icon="close" label={t("ui.close")} size={16} onClick={close} />
            </div>
          );
        })}
      </div>
      <div class="visually-hidden" role="status" aria-live="polite">
        {said.value}
      </div>
    </>
  );
}
