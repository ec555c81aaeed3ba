// The words of the client, in the languages of its people.
//
// A catalogue is a folder of JSON files, one for each room: i18n/en/list.json has the texts whose keys begin with "list.". A text has
// holes in braces, {name}; where it depends on a number it is an object of the plural forms of the language (CLDR), chosen by the hole
// {n}. English is the reference: the other languages have its keys, all of them (catalogue.test.ts).
//
// Promises: a catalogue is loaded before anything is shown, and changing the language changes all that is shown, without a reload.
import { computed, signal } from "@preact/signals";
import type { Key } from "./keys";
import { pseudo } from "./pseudo";

export type { Key } from "./keys";

export type Message = string | Partial<Record<Intl.LDMLPluralRule, string>>;
export type Catalogue = Record<string, Message>;
export type Holes = Record<string, string | number>;

interface Language {
  name: string; // in itself
  direction: "ltr" | "rtl";
  load: () => Promise<{ default: Catalogue }>;
}

export const languages: Record<string, Language> = {
  en: { name: "English", direction: "ltr", load: () => import("./en") },
  de: { name: "Deutsch", direction: "ltr", load: () => import("./de") },
  ar: { name: "العربية", direction: "rtl", load: () => import("./ar") },
};

/** PSEUDO is the language of tests: English, in signs that tell it from what stands in no catalogue. */
export const PSEUDO = "pseudo";

interface Loaded {
  tag: string;
  texts: Catalogue;
  plural: Intl.PluralRules;
}

const loaded = signal<Loaded>({ tag: "en", texts: {}, plural: new Intl.PluralRules("en") });

/** The language that is shown, as a BCP 47 tag that Intl takes. */
export const locale = computed(() => (loaded.value.tag === PSEUDO ? "en" : loaded.value.tag));
export const direction = computed(() => languages[loaded.value.tag]?.direction ?? "ltr");

/** Shows another language from now on. An unknown one is English. */
export async function speak(tag: string): Promise<void> {
  const known = tag in languages || tag === PSEUDO ? tag : "en";
  const { default: texts } = await languages[known === PSEUDO ? "en" : known]!.load();
  loaded.value = {
    tag: known,
    texts: known === PSEUDO ? pseudo(texts) : texts,
    plural: new Intl.PluralRules(known === PSEUDO ? "en" : known),
  };
  document.documentElement.lang = locale.value;
  document.documentElement.dir = direction.value;
}

/** The best of our languages for somebody who reads these. */
export function choose(wanted: readonly string[]): string {
  for (const tag of wanted) {
    const known = Object.keys(languages).find((l) => tag.toLowerCase().split("-")[0] === l);
    if (known) return known;
  }
  return "en";
}

/** The text of a key, with its holes filled. A key that is in no catalogue is shown as it is: a test finds it. */
export function t(key: Key, holes: Holes = {}): string {
  const { texts, plural } = loaded.value;
  return fill(texts[key] ?? key, holes, plural);
}

/** All forms of a text that depends on a number, for who fills it elsewhere (the service worker). */
export function forms(key: Key): Partial<Record<Intl.LDMLPluralRule, string>> {
  const message = loaded.value.texts[key] ?? key;
  return typeof message === "string" ? { other: message } : message;
}

export function fill(message: Message, holes: Holes, plural: Intl.PluralRules): string {
  const text =
    typeof message === "string" ? message : (message[plural.select(Number(holes.n ?? 0))] ?? message.other ?? "");
  return text.replace(/\{(\w+)\}/g, (hole, name: string) => {
    const value = holes[name];
    if (value === undefined) return hole;
    return typeof value === "number" ? value.toLocaleString(locale.value) : value;
  });
}
