// Whose pictures are shown without asking, and where they are to be had: at our server, which fetches them (docs/jmap-mail.md).
import { signal } from "@preact/signals";
import { whenForgetting } from "../../app/ports";
import { capability } from "../../jmap";
import type { Mail } from "../../model";

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

const signed = new WeakMap<Mail, Map<string, string>>();

/** sign asks where pictures are at our server. What cannot be had is missing. */
export async function sign(mail: Mail, urls: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const before = signed.get(mail);
  const known = before && before.size < 5000 ? before : new Map<string, string>();
  signed.set(mail, known);
  const missing = urls.filter((url) => !known.has(url));
  const limit = Number(mail.capabilities[capability.pictures]?.maxUrlsInSign ?? 100);
  for (let at = 0; at < missing.length; at += limit) {
    const answer = await mail.connection.call<{ signed: Record<string, string> | null }>("Picture/sign", {
      accountId: mail.accountId,
      urls: missing.slice(at, at + limit),
    });
    for (const [url, path] of Object.entries(answer.signed ?? {})) known.set(url, path);
  }
  return known;
}
