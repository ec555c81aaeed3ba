import { signal } from "@preact/signals";

const key = "mailmesh.searches";
const most = 12;

function load(): readonly string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(key) ?? "[]");
    return Array.isArray(kept) ? kept.filter((s) => typeof s === "string").slice(0, most) : [];
  } catch {
    return []; // no storage, or nothing of ours in it
  }
}

/** What was searched for on this device, the newest first. */
export const recent = signal<readonly string[]>(load());

export function remember(text: string): void {
  keep([text, ...recent.peek().filter((r) => r !== text)].slice(0, most));
}

export function forget(): void {
  keep([]);
}

function keep(list: readonly string[]): void {
  recent.value = list;
  try {
    if (list.length) localStorage.setItem(key, JSON.stringify(list));
    else localStorage.removeItem(key);
  } catch {
    // It is known until the page is closed.
  }
}
