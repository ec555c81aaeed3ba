import { useSignal } from "@preact/signals";
import type { ComponentType } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { preferences } from "../preferences";
import { IconButton } from "../ui";
import css from "./live.module.css";

/** What most reactions are (RFC 9078 3: base-emojis, and those that people use most). */
const usual = ["👍", "❤️", "😂", "🎉", "😮", "😢"];
const kept = 24;

/** Notes what was chosen, the newest first. */
function remember(emoji: string): void {
  const rest = preferences.recentEmoji.peek().filter((e) => e !== emoji);
  preferences.recentEmoji.set([emoji, ...rest].slice(0, kept));
}

/** Six emoji at hand, and behind a button all of them, which are loaded then. Escape, or a click elsewhere, closes it. */
export function Picker({
  beside,
  choose,
  close,
}: {
  beside: Element;
  choose: (emoji: string) => void;
  close: () => void;
}) {
  const AllEmoji = useSignal<ComponentType<{ choose: (emoji: string) => void; placed: () => void }> | null>(null);
  const element = useRef<HTMLDivElement>(null);
  const chosen = (emoji: string) => {
    remember(emoji);
    choose(emoji);
  };
  const showAll = async () => {
    AllEmoji.value = (await import("./emoji/all")).default;
  };
  useEffect(() => {
    const before = document.activeElement as HTMLElement | null;
    const outside = (e: Event) => {
      const target = e.target as Node;
      if (!element.current?.contains(target) && !beside.contains(target)) close();
    };
    document.addEventListener("pointerdown", outside, true);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      before?.focus();
    };
  }, []);
  useEffect(() => {
    place(element.current!, beside);
    element.current!.querySelector("button")?.focus();
  }, []);
  return (
    <div
      ref={element}
      class={css.picker}
      role="dialog"
      aria-label={t("live.reactions.choose")}
      onKeyDown={(e) => {
        if (e.key === "Escape") close();
        else if (!AllEmoji.value) along(e);
        else return;
        if (e.key === "Escape") e.preventDefault();
        e.stopPropagation();
      }}
    >
      {AllEmoji.value ? (
        <AllEmoji.value choose={chosen} placed={() => place(element.current!, beside)} />
      ) : (
        <div class={css.quick}>
          {atHand(preferences.recentEmoji.value).map((emoji) => (
            <button key={emoji} type="button" class={css.emoji} translate={false} onClick={() => chosen(emoji)}>
              {emoji}
            </button>
          ))}
          <IconButton icon="plus" label={t("live.reactions.more")} onClick={showAll} />
        </div>
      )}
    </div>
  );
}

/** The usual ones, always at the same place; two of the user's own before the last. */
function atHand(recent: readonly string[]): string[] {
  const own = recent.filter((e) => !usual.includes(e)).slice(0, 1);
  return [...usual, ...own];
}

function along(e: KeyboardEvent): void {
  const buttons = [...(e.currentTarget as Element).querySelectorAll("button")];
  const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
  if (!step) return;
  const here = buttons.indexOf(document.activeElement as HTMLButtonElement);
  const to = here + (document.dir === "rtl" ? -step : step);
  buttons[(to + buttons.length) % buttons.length]?.focus();
  e.preventDefault();
}

/** Above the button where there is room, below it else; never out of the window. */
function place(element: HTMLElement, beside: Element): void {
  const at = beside.getBoundingClientRect();
  const { offsetWidth: width, offsetHeight: height } = element;
  const start = document.dir === "rtl" ? at.right - width : at.left;
  const top = at.top - height - 6 >= 8 ? at.top - height - 6 : at.bottom + 6;
  element.style.left = `${Math.max(8, Math.min(start, innerWidth - width - 8))}px`;
  element.style.top = `${Math.max(8, Math.min(top, innerHeight - height - 8))}px`;
}
