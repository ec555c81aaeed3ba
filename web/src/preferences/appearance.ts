import { effect } from "@preact/signals";
import { choose, speak } from "../i18n";
import { preferences } from "./index";

/**
 * Has the page look as this device was told, from now on: data-theme ("light" or "dark") and data-density ("comfortable" or "compact") of the root
 * element. "system" follows the system while it changes its mind. What follows the theme by itself (form controls, scroll bars) goes by
 * color-scheme in tokens.css.
 */
export function appear(): void {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const root = document.documentElement;
  const look = () => {
    const theme = preferences.theme.value;
    root.dataset.theme = theme === "system" ? (dark.matches ? "dark" : "light") : theme;
    root.dataset.density = preferences.density.value;
  };
  effect(look);
  dark.addEventListener("change", look);
}

/** Speaks the language that this device was told to, or the one the browser asks for; `?lang=` of the address goes before both. Resolves when the first is loaded. */
export async function speakAsWished(): Promise<void> {
  const asked = new URLSearchParams(location.search).get("lang");
  const wanted = () => asked ?? (preferences.language.value || choose(navigator.languages));
  let tag = wanted();
  await speak(tag);
  effect(() => {
    const next = wanted();
    if (next !== tag) void speak(next);
    tag = next;
  });
}
