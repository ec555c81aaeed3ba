import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n";
import { Button, IconButton } from "./button";
import css from "./ui.module.css";

interface DialogProps {
  title: string;
  close: () => void; // Escape, the cross, a click beside it
  children: ComponentChildren;
  foot?: ComponentChildren;
  wide?: boolean;
  scrolls?: boolean; // there may be more than fits, with nothing in it that takes the focus
}

/** A dialog (the browser's own: focus stays in it, and goes back where it came from). */
export function Dialog({ title, close, children, foot, wide = false, scrolls = false }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const dialog = element.current!;
    dialog.showModal();
    return () => {
      dialog.close();
      before?.focus();
    };
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same
    <dialog
      ref={element}
      class={wide ? `${css.dialog} ${css.wide}` : css.dialog}
      aria-labelledby={id}
      onCancel={(e) => {
        e.preventDefault();
        close();
      }}
      onClick={(e) => e.target === element.current && close()}
    >
      <div class={css.dialogBody}>
        <header class={css.dialogHead}>
          <h2 id={id}>{title}</h2>
          <IconButton icon="close" label={t("ui.close")} onClick={close} />
        </header>
        <div class={css.dialogMain} tabIndex={scrolls ? 0 : undefined}>
          {children}
        </div>
        {foot && <footer class={css.dialogFoot}>{foot}</footer>}
      </div>
    </dialog>
  );
}

interface Question {
  title: string;
  body?: ComponentChildren;
  confirm: string;
  danger?: boolean;
  cancel?: string;
}

const asked = signal<(Question & { answer: (yes: boolean) => void }) | null>(null);

/** Asks before something is done that cannot be undone. */
export function ask(question: Question): Promise<boolean> {
  asked.value?.answer(false);
  return new Promise((resolve) => {
    asked.value = {
      ...question,
      answer: (yes) => {
        asked.value = null;
        resolve(yes);
      },
    };
  });
}

/** Where questions are shown: once, in the page. */
export function Questions() {
  const question = asked.value;
  if (!question) return null;
  const foot = (
    <>
      <Button onClick={() => question.answer(false)}>{question.cancel ?? t("ui.cancel")}</Button>
      <Button kind={question.danger ? "danger" : "primary"} onClick={() => question.answer(true)}>
        {question.confirm}
      </Button>
    </>
  );
  return (
    <Dialog title={question.title} close={() => question.answer(false)} foot={foot}>
      {question.body}
    </Dialog>
  );
}
