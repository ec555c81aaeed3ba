import { expect, test } from "vitest";
import { isEmoji } from "../reaction";
import ar from "./ar.json";
import de from "./de.json";
import en from "./en.json";
import { call, find } from "./find";
import { groups } from "./groups";

const all = groups.flatMap((g) => [...g.emoji]);

test("all that can be chosen can be sent, once, and has a name in each language", () => {
  expect(all.filter((e) => !isEmoji(e))).toEqual([]);
  expect(new Set(all).size).toBe(all.length);
  for (const names of [en, de, ar]) expect(Object.keys(names)).toEqual(all);
});

test.each([
  ["thumbs", en, "👍"],
  ["daumen h", de, "👍"],
  ["FLEHEND", de, "🥺"],
  ["lächeln", de, "🙂"],
  ["lacheln", de, "🙂"],
  ["نار", ar, "🔥"],
] as const)("%s is found", (text, names, emoji) => {
  expect(find(text, all, names)).toContain(emoji);
});

test("what is called so comes before what is only found so", () => {
  expect(find("heart", all, en)[0]).toBe("😍");
  expect(find("sad", all, en)).toEqual(expect.arrayContaining(["😢"]));
  expect(find("zzz", all, en)).toEqual([]);
  expect(call("👍", en)).toBe("thumbs up");
});
