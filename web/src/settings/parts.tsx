// What the pages are made of.
import { type Signal, useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { t } from "../i18n";
import { say, type Trouble, troubleOf } from "../model";
import { Button, Icon, Spinner } from "../ui";
import css from "./settings.module.css";

const told = 2_500; // milliseconds that "Saved" is shown for

export type SaveState = { is: "idle" | "saving" | "saved" } | { is: "failed"; why: string };

export interface Saving {
  state: Signal<SaveState>;
  /** Saves, and tells how it went. What it resolves to: whether it was saved. */
  save: (f: () => Promise<unknown>) => Promise<boolean>;
}

/** How saving goes. What is saved last is what is told. */
export function useSaving(): Saving {
  const state = useSignal<SaveState>({ is: "idle" });
  const last = useRef(0);
  const save = async (f: () => Promise<unknown>) => {
    const mine = ++last.current;
    const tell = (s: SaveState) => {
      if (mine === last.current) state.value = s;
    };
    tell({ is: "saving" });
    try {
      await f();
      tell({ is: "saved" });
      setTimeout(() => tell({ is: "idle" }), told);
      return true;
    } catch (cause) {
      tell({ is: "failed", why: say(troubleOf(cause)) });
      return false;
    }
  };
  return { state, save };
}

function Saved({ of }: { of: Saving }) {
  const s = of.state.value;
  return (
    <span class={css.saved} role="status" data-is={s.is}>
      {s.is === "saved" && (
        <>
          <Icon name="check" size={16} />
          {t("settings.saved")}
        </>
      )}
      {s.is === "saving" && t("settings.saving")}
    </span>
  );
}

/** A part of a page: what belongs together, how saving it goes beside its heading, and why it was not saved below. */
export function Section({
  title,
  user = false,
  help,
  saving,
  children,
}: {
  title: string;
  user?: boolean; // the title is a person's text, not ours
  help?: ComponentChildren;
  saving?: Saving;
  children: ComponentChildren;
}) {
  const id = useId();
  const failed = saving?.state.value;
  return (
    <section class={css.section} aria-labelledby={id}>
      <header>
        <h3 id={id} translate={user ? false : undefined}>
          {title}
        </h3>
        {saving && <Saved of={saving} />}
      </header>
      {help && <p class={css.help}>{help}</p>}
      {failed?.is === "failed" && (
        <p class={css.failed} role="alert">
          <Icon name="warning" size={16} />
          {failed.why}
        </p>
      )}
      {children}
    </section>
  );
}

/** What is shown while something of the server's is not there: a sign that it comes, or why it does not. */
export function Loading({ trouble, again }: { trouble?: Trouble | undefined; again?: () => void }) {
  if (!trouble) return <Spinner label={t("settings.loading")} />;
  return (
    <div class={css.failed} role="alert">
      <Icon name="warning" size={16} />
      <span>{say(trouble)}</span>
      {again && <Button onClick={again}>{t("settings.again")}</Button>}
    </div>
  );
}

interface Option<T> {
  value: T;
  text: string;
  help?: string;
}

/** A choice of one among few, all of them in sight. */
export function Choice<T extends string | number>({
  label,
  value,
  options,
  choose,
}: {
  label: string;
  value: T;
  options: readonly Option<T>[];
  choose: (value: T) => void;
}) {
  const name = useId();
  return (
    <fieldset class={css.choice}>
      <legend>{label}</legend>
      {options.map((o) => (
        <label key={o.value}>
          <input type="radio" name={name} checked={o.value === value} onChange={() => choose(o.value)} />
          <span>
            {o.text}
            {o.help && <small>{o.help}</small>}
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** A line of text that is saved when it is left or Enter is pressed; what is not saved stays as it was typed. */
export function useDraft(value: string): Signal<string> {
  const draft = useSignal(value);
  const before = useRef(value);
  useEffect(() => {
    if (draft.peek() === before.current) draft.value = value; // what another device has changed; not over what is typed here
    before.current = value;
  }, [value]);
  return draft;
}
