import type { Contact } from "../jmap/types";

export type Shown = "all" | "accepted" | "blocked";

const plain = (text: string) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();

/** Those that are looked for, as the server looks for them (docs/jmap-live.md, Contact/query); whom one has written to last comes first. */
export function matching(all: readonly Contact[], text: string, shown: Shown): Contact[] {
  const words = plain(text).split(/\s+/).filter(Boolean);
  const has = (c: Contact) => {
    const address = plain(c.email);
    const whole = [address, address.split("@")[1] ?? "", ...plain(`${c.name} ${c.email}`).split(/[\s.@_-]+/)];
    return words.every((w) => whole.some((t) => t.startsWith(w)));
  };
  return all
    .filter((c) => shown === "all" || (shown === "blocked" ? c.isBlocked : c.isAccepted && !c.isBlocked))
    .filter(has)
    .sort((a, b) => Date.parse(b.lastWritten ?? b.created) - Date.parse(a.lastWritten ?? a.created));
}
