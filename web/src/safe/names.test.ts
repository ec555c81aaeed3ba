import { expect, test } from "vitest";
import { shownName } from "./names";

test.each<[string | null | undefined, string]>([
  ["Ann Lee", "Ann Lee"],
  [" ", "eve@evil.example"],
  [null, "eve@evil.example"],
  [undefined, "eve@evil.example"],
  ["service@bank.example", "eve@evil.example"],
  ["Your bank <service@bank.example>", "eve@evil.example"],
  ["service\uff20bank.example", "eve@evil.example"],
  ["ser\u200bvice\u2060@bank.example", "eve@evil.example"],
  ["\u202eknab ruoY", "knab ruoY"],
  ["Ann\r\nLee", "AnnLee"],
  ["\u200f\u200e", "eve@evil.example"],
  ["Zoë 👩\u200d🚀", "Zoë 👩\u200d🚀"],
  ["Ann @ Example", "Ann @ Example"],
])("%j is shown as %s", (name, shown) => expect(shownName({ name, email: "eve@evil.example" })).toBe(shown));
