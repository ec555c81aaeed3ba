import { useSignal, useSignalEffect } from "@preact/signals";
import { useId, useRef } from "preact/hooks";
import { go, route } from "../app/route";
import { t } from "../i18n";
import { useMail } from "../model";
import { announce, Icon, IconButton, type IconName, useShortcuts } from "../ui";
import css from "./box.module.css";
import { forget, recent, remember } from "./recent";
import { type Suggestion, suggest } from "./suggest";

/** The line to search with, and what could be meant below it (WAI-ARIA: combobox with a list). */
export function SearchBox() {
  const field = useRef<HTMLInputElement>(null);
  const box = useBox(field);
  const id = useId();
  useShortcuts("search.room", [{ keys: "/", text: "search.focus", do: () => field.current?.select() }]);
  const { shown, at, text } = box;
  const open = shown.value.length > 0;
  return (
    // biome-ignore lint/a11y/useSemanticElements: <search> is unknown to some browsers people have
    <form
      class={css.search}
      role="search"
      onSubmit={(e) => {
        e.preventDefault();
        box.submit();
      }}
    >
      <div class={css.line} data-open={open}>
        <Icon name="search" size={19} />
        <input
          ref={field}
          type="text"
          role="combobox"
          aria-expanded={open}
          aria-controls={id}
          aria-autocomplete="list"
          aria-activedescendant={at.value >= 0 ? `${id}-${at.value}` : undefined}
          aria-label={t("search.search")}
          placeholder={t("search.search")}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          enterkeyhint="search"
          maxLength={1000}
          dir={text.value ? "auto" : undefined}
          value={text.value}
          onInput={(e) => {
            text.value = e.currentTarget.value;
            void box.look();
          }}
          onFocus={() => void box.look()}
          onBlur={() => box.close()}
          onKeyDown={(e) => box.key(e) && e.preventDefault()}
        />
        {text.value && <IconButton icon="close" size={18} label={t("search.clear")} onClick={() => box.clear()} />}
      </div>
      <div id={id} class={css.list} role="listbox" aria-label={t("search.suggestions")} hidden={!open}>
        {shown.value.map((s, i) => (
          <Line key={s.kind + s.shown} id={`${id}-${i}`} s={s} here={i === at.value} take={() => box.take(s)} />
        ))}
        {open && shown.value.every((s) => s.kind === "recent") && (
          // biome-ignore lint/a11y/useKeyWithClickEvents: nothing is lost that cannot be typed
          <div
            class={css.forget}
            role="option"
            tabIndex={-1}
            aria-selected="false"
            onPointerDown={keepFocus}
            onClick={() => box.forget()}
          >
            {t("search.forget")}
          </div>
        )}
      </div>
    </form>
  );
}

const keepFocus = (e: Event) => e.preventDefault();

const icons: Readonly<Record<Suggestion["kind"], IconName>> = {
  operator: "filter",
  value: "filter",
  person: "person",
  folder: "folder",
  recent: "clock",
};

function Line({ id, s, here, take }: { id: string; s: Suggestion; here: boolean; take: () => void }) {
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the line above has the keys, and the focus
    <div
      id={id}
      class={css.option}
      role="option"
      tabIndex={-1}
      aria-selected={here}
      onPointerDown={keepFocus}
      onClick={take}
    >
      <Icon name={icons[s.kind]} size={17} />
      {s.name ? (
        <>
          <span class={css.name} translate={false}>
            {s.name}
          </span>
          <span class={css.meaning} translate={false} dir="ltr">
            {s.shown}
          </span>
        </>
      ) : (
        <>
          <span class={s.kind === "recent" ? css.name : css.term} translate={false} dir="auto">
            {s.shown}
          </span>
          {s.meaning && <span class={css.meaning}>{t(s.meaning)}</span>}
        </>
      )}
    </div>
  );
}

function useBox(field: { readonly current: HTMLInputElement | null }) {
  const mail = useMail();
  const text = useSignal(route.peek().view === "search" ? route.peek().query : "");
  const shown = useSignal<readonly Suggestion[]>([]);
  const at = useSignal(-1);
  const asked = useRef(0);
  useSignalEffect(() => {
    const r = route.value;
    if (r.view === "search") text.value = r.query;
    else if (document.activeElement !== field.current) text.value = "";
  });

  const close = () => {
    asked.current++;
    shown.value = [];
    at.value = -1;
  };
  const look = async () => {
    const turn = ++asked.current;
    const caret = field.current?.selectionStart ?? text.peek().length;
    const people = (typed: string) => mail.contacts.complete(typed, 5);
    const found = await suggest(text.peek(), caret, {
      mailboxes: mail.mailboxes.peek(),
      people,
      recent: recent.peek(),
    });
    if (turn !== asked.current) return; // something else has been typed by now
    shown.value = found;
    at.value = -1;
    if (found.length) announce(t("search.counted", { n: found.length }));
  };
  const submit = (query = text.peek().trim()) => {
    close();
    if (!query) return;
    remember(query);
    text.value = query;
    field.current?.blur();
    go({ view: "search", query });
  };
  const take = (s: Suggestion) => {
    if (s.kind === "recent") return submit(s.text);
    text.value = s.text;
    const input = field.current!;
    input.value = s.text;
    input.setSelectionRange(s.caret, s.caret);
    if (s.done && s.caret >= s.text.length) submit(s.text.trim());
    else void look();
  };
  const key = (e: KeyboardEvent): boolean => {
    const n = shown.peek().length;
    const chosen = shown.peek()[at.peek()];
    if (e.key === "ArrowDown" && n) at.value = (at.peek() + 1) % n;
    else if (e.key === "ArrowUp" && n) at.value = at.peek() <= 0 ? n - 1 : at.peek() - 1;
    else if ((e.key === "Enter" || e.key === "Tab") && chosen) take(chosen);
    else if (e.key === "Escape" && n) close();
    else if (e.key === "Escape") field.current?.blur();
    else return false;
    e.stopPropagation();
    return true;
  };
  const clear = () => {
    text.value = "";
    close();
    if (route.peek().view === "search") go({ box: "inbox" });
    field.current?.focus();
  };
  const forgetAll = () => {
    forget();
    close();
  };
  return { text, shown, at, close, look, submit, take, key, clear, forget: forgetAll };
}
