// Whose pictures are shown without asking. It is loaded before the rest of the room: what it keeps is forgotten with its owner though no
// conversation was opened.
import { signal } from "@preact/signals";
import { whenForgetting } from "../app/ports";

const name = "picturesFrom";
const most = 500;

/** The senders whose pictures this device always shows, the newest last. */
const trusted = signal<readonly string[]>(read());

function read(): string[] {
  try {
    const kept: unknown = JSON.parse(localStorage.getItem(name) ?? "[]");
    return Array.isArray(kept) ? kept.filter((a): a is string => typeof a === "string") : [];
  } catch {
    return [];
  }
}

export function isTrusted(email: string | undefined): boolean {
  return email !== undefined && trusted.value.includes(email.toLowerCase());
}

export function trust(email: string): void {
  const one = email.toLowerCase();
  keep([...trusted.value.filter((a) => a !== one), one].slice(-most));
}

whenForgetting(() => keep([]));

function keep(list: readonly string[]): void {
  trusted.value = list;
  try {
    localStorage.setItem(name, JSON.stringify(trusted.value));
  } catch {
    // Without storage it holds until the page is closed.
  }
}
