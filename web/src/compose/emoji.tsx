import { useEffect, useRef } from "preact/hooks";
import { t } from "../i18n";
import { preferences } from "../preferences";
import css from "./compose.module.css";

/** What people write with most. More of them are on every keyboard. */
const signs =
  "😀 😄 😅 😂 🙂 🙃 😉 😊 😍 😘 😋 😎 🤩 🤔 🤨 😐 🙄 😏 😴 😮 😢 😭 😡 🤯 😱 🥳 😇 🤗 🤝 👍 👎 👌 ✌️ 🤞 👏 🙌 🙏 💪 👀 👋 ❤️ 🧡 💛 💚 💙 💜 💔 💯 ✨ 🔥 🎉 🎂 🎁 ☕ 🍕 🍻 🌞 🌈 ☔ ❄️ ✅ ❌ ❗ ❓ ⚠️ 📅 📎 📌 🚀 🏁".split(
    " ",
  );

/** Signs to choose from: by pointer, or by arrows and Enter. */
export function Emoji({ choose, close }: { choose: (sign: string) => void; close: () => void }) {
  const box = useRef<HTMLDivElement>(null);
  const recent = preferences.recentEmoji.value.slice(0, 10);
  const all = [...new Set([...recent, ...signs])];
  useEffect(() => {
    box.current?.querySelector("button")?.focus();
    const outside = (e: Event) => box.current?.contains(e.target as Node) || close();
    document.addEventListener("pointerdown", outside, true);
    return () => document.removeEventListener("pointerdown", outside, true);
  }, []);
  const move = (e: KeyboardEvent) => {
    const buttons = [...box.current!.querySelectorAll("button")];
    const here = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const columns = 10;
    const on = document.dir === "rtl" ? -1 : 1;
    const by = { ArrowRight: on, ArrowLeft: -on, ArrowDown: columns, ArrowUp: -columns }[e.key];
    if (e.key === "Escape") close();
    else if (by) buttons[Math.max(0, Math.min(buttons.length - 1, here + by))]?.focus();
    else return;
    e.preventDefault();
    e.stopPropagation();
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: a group of buttons, not of fields
    <div ref={box} class={css.emoji} role="group" aria-label={t("compose.emoji")} onKeyDown={move}>
      {all.map((sign, i) => (
        <button
          key={sign}
          type="button"
          tabIndex={i ? -1 : 0}
          translate={false}
          onClick={() => {
            preferences.recentEmoji.set(
              [sign, ...preferences.recentEmoji.value.filter((s) => s !== sign)].slice(0, 24),
            );
            choose(sign);
            close();
          }}
        >
          {sign}
        </button>
      ))}
    </div>
  );
}
