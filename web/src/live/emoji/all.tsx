// All emoji, searchable. Loaded when somebody asks for them, with the names of the language that is shown.
import { useSignal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { locale, t } from "../../i18n";
import { preferences } from "../../preferences";
import css from "../live.module.css";
import { call, find, type Names } from "./find";
import { groups } from "./groups";

const files: Record<string, () => Promise<{ default: Names }>> = {
  en: () => import("./en.json"),
  de: () => import("./de.json"),
  ar: () => import("./ar.json"),
};
const everything = groups.flatMap((g) => [...g.emoji]);

interface Props {
  choose: (emoji: string) => void;
  /** It has its size. */
  placed: () => void;
}

export default function AllEmoji({ choose, placed }: Props) {
  const names = useSignal<Names>({});
  const text = useSignal("");
  const field = useRef<HTMLInputElement>(null);
  const language = locale.value;
  useEffect(() => {
    void (files[language] ?? files.en!)().then((m) => (names.value = m.default));
  }, [language]);
  useLayoutEffect(() => {
    placed();
    field.current?.focus();
  }, []);
  const recent = preferences.recentEmoji.value;
  const found = text.value.trim() ? find(text.value, everything, names.value) : null;
  const group = (label: string, emoji: readonly string[]) => (
    <Group label={label} emoji={emoji} names={names.value} choose={choose} />
  );
  return (
    <>
      <div class={css.emojiSearch}>
        <input
          ref={field}
          type="search"
          aria-label={t("live.emoji.search")}
          placeholder={t("live.emoji.search")}
          value={text.value}
          onInput={(e) => (text.value = e.currentTarget.value)}
          onKeyDown={(e) => {
            if (e.key === "Enter" && found?.[0]) choose(found[0]);
          }}
        />
      </div>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the keys go from button to button in it */}
      <div class={css.emojiAll} onKeyDown={arrows}>
        {found ? (
          found.length > 0 ? (
            group(text.value, found)
          ) : (
            <p class={css.emojiNone} role="status">
              {t("live.emoji.none")}
            </p>
          )
        ) : (
          <>
            {recent.length > 0 && group(t("live.emoji.recent"), recent)}
            {groups.map((g) => group(t(`live.emoji.${g.name}`), g.emoji))}
          </>
        )}
      </div>
    </>
  );
}

function Group({
  label,
  emoji,
  names,
  choose,
}: {
  label: string;
  emoji: readonly string[];
  names: Names;
  choose: (emoji: string) => void;
}) {
  return (
    <section aria-label={label}>
      <h3 class={css.emojiGroup} translate={false}>
        {label}
      </h3>
      <div class={css.emojiGrid}>
        {emoji.map((e) => (
          <button
            key={e}
            type="button"
            class={css.emoji}
            aria-label={call(e, names)}
            title={call(e, names)}
            translate={false}
            onClick={() => choose(e)}
          >
            {e}
          </button>
        ))}
      </div>
    </section>
  );
}

/** Arrow keys go from one to the next, and between lines to the nearest. */
function arrows(e: KeyboardEvent): void {
  const all = [...(e.currentTarget as Element).querySelectorAll<HTMLButtonElement>("button")];
  const here = all.indexOf(document.activeElement as HTMLButtonElement);
  if (here < 0) return;
  const at = all[here]!.getBoundingClientRect();
  const rtl = document.dir === "rtl" ? -1 : 1;
  const step = { ArrowRight: rtl, ArrowLeft: -rtl }[e.key];
  const up = { ArrowUp: -1, ArrowDown: 1 }[e.key];
  let next = step ? all[here + step] : undefined;
  if (up) {
    const lines = all.filter((b) => Math.sign(Math.round(b.getBoundingClientRect().top - at.top)) === up);
    next = lines.toSorted((a, b) => far(a, at) - far(b, at))[0];
  }
  if (!step && !up) return;
  next?.focus();
  e.preventDefault();
}

function far(b: Element, at: DOMRect): number {
  const box = b.getBoundingClientRect();
  return Math.abs(box.top - at.top) * 10 + Math.abs(box.left - at.left);
}
