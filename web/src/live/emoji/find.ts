/** Names of emoji in a language: the first is what it is called, the others are words that find it. */
export type Names = Readonly<Record<string, string>>;

export const plain = (text: string) => text.normalize("NFKD").replace(/\p{M}/gu, "").toLocaleLowerCase();

/** What one emoji is called. */
export function call(emoji: string, names: Names): string {
  return names[emoji]?.split(",")[0]?.trim() ?? emoji;
}

/** Those that each word of the text begins a word of the names of, whatever the case and the accents; those whose first name it begins come first. */
export function find(text: string, all: readonly string[], names: Names): string[] {
  const words = plain(text).split(/\s+/).filter(Boolean);
  const found = all.filter((emoji) => {
    const has = plain(names[emoji] ?? "").split(/[\s,-]+/);
    return words.every((w) => has.some((h) => h.startsWith(w)));
  });
  const first = (emoji: string) => plain(call(emoji, names)).startsWith(words[0] ?? "");
  return [...found.filter(first), ...found.filter((e) => !first(e))];
}
