import type { Catalogue, Message } from "./index";

/** Joins the rooms' files of a language: { "./list.json": { archive: … } } is { "list.archive": … }. */
export function gather(rooms: Record<string, Record<string, Message>>): Catalogue {
  const all: Catalogue = {};
  for (const [file, texts] of Object.entries(rooms)) {
    const room = file.slice("./".length, -".json".length);
    for (const [key, message] of Object.entries(texts)) all[`${room}.${key}`] = message;
  }
  return all;
}
