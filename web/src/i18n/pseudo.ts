import type { Catalogue } from "./index";

const letters = new Map(
  Object.entries({
    a: "á",
    b: "ƀ",
    c: "ç",
    d: "ð",
    e: "é",
    f: "ƒ",
    g: "ĝ",
    h: "ĥ",
    i: "í",
    j: "ĵ",
    k: "ķ",
    l: "ĺ",
    m: "ɱ",
    n: "ñ",
    o: "ó",
    p: "þ",
    q: "ǫ",
    r: "ŕ",
    s: "š",
    t: "ţ",
    u: "ú",
    v: "ṽ",
    w: "ŵ",
    x: "ẋ",
    y: "ý",
    z: "ž",
  }),
);

/** The texts between brackets, in letters of another alphabet, holes left as they are: English that nobody has written by hand. */
export function pseudo(texts: Catalogue): Catalogue {
  const strange = (text: string) =>
    `⟦${text.replace(/(\{\w+\})|[a-z]/g, (sign, hole?: string) => hole ?? letters.get(sign) ?? sign)}⟧`;
  return Object.fromEntries(
    Object.entries(texts).map(([key, message]) => [
      key,
      typeof message === "string"
        ? strange(message)
        : Object.fromEntries(Object.entries(message).map(([form, text]) => [form, strange(text)])),
    ]),
  );
}
