import { describe, expect, test } from "vitest";
import ar from "./ar";
import de from "./de";
import en from "./en";
import { choose, fill, type Message } from "./index";
import { pseudo } from "./pseudo";

const forms = (tag: string) => new Intl.PluralRules(tag).resolvedOptions().pluralCategories;
const holes = (message: Message) =>
  [...new Set((typeof message === "string" ? message : Object.values(message).join(" ")).match(/\{\w+\}/g))].sort();

describe.each([["de", de] as const, ["ar", ar] as const])("the catalogue %s", (tag, texts) => {
  test("has the keys of the reference, and no others", () => {
    expect(Object.keys(texts).sort()).toEqual(Object.keys(en).sort());
  });

  test("has the holes of the reference", () => {
    for (const [key, message] of Object.entries(texts)) {
      const other = holes(en[key]!);
      expect(
        holes(message).filter((h) => h !== "{n}"),
        key,
      ).toEqual(other.filter((h) => h !== "{n}"));
    }
  });

  test("has every plural form of its language", () => {
    for (const [key, message] of Object.entries(texts)) {
      expect(typeof message === "string", `${key} is plural in both or in neither`).toBe(typeof en[key] === "string");
      if (typeof message !== "string") expect(Object.keys(message).sort(), key).toEqual([...forms(tag)].sort());
    }
  });

  test("leaves nothing empty", () => {
    for (const [key, message] of Object.entries(texts)) {
      for (const text of typeof message === "string" ? [message] : Object.values(message))
        expect(text.trim(), key).not.toBe("");
    }
  });
});

test("plural forms are chosen by {n}", () => {
  const message = { one: "{n} message", other: "{n} messages" };
  const rules = new Intl.PluralRules("en");
  expect([0, 1, 2].map((n) => fill(message, { n }, rules))).toEqual(["0 messages", "1 message", "2 messages"]);
});

test("the pseudo-locale leaves holes as they are", () => {
  expect(pseudo({ "app.hello": "Hello {name}" })["app.hello"]).toBe("⟦Héĺĺó {name}⟧");
});

test("the language is the first that we have", () => {
  expect(choose(["fr-CA", "ar-EG", "en"])).toBe("ar");
  expect(choose(["tlh"])).toBe("en");
});
