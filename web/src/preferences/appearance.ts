import { computed, effect, signal } from "@preact/signals";
import { choose, speak } from "../i18n";
import { preferences } from "./index";

const system = globalThis.matchMedia?.("(prefers-color-scheme: dark)");
const systemIsDark = signal(system?.matches ?? false);
system?.addEventListener("change", () => {
  systemIsDark.value = system.matches;
});

/** Whether the page is dark: as the system is, while it changes its mind, unless somebody has chosen. */
export const isDark = computed(() =>
  preferences.theme.value === "system" ? systemIsDark.value : preferences.theme.value === "dark",
);

/**
 * Has the page look as this device was told, from now on: data-theme ("light" or "dark") and data-density ("comfortable" or "compact") of the root
 * element. What follows the theme by itself (form controls, scroll bars) goes by color-scheme in tokens.css.
 */
export function appear(): void {
  const root = document.documentElement;
  effect(() => {
    root.dataset.theme = isDark.value ? "dark" : "light";
    root.dataset.density = preferences.density.value;
  });
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
