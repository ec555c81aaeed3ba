import { expect, test } from "vitest";
import type { Email } from "../jmap";
import { applyPatch, type EmailPatch, inverseOf, isEmpty, needed, wirePatch } from "./patch";
import { Random } from "./testing/random";

const email: Email = { id: "M1", keywords: { $seen: true }, mailboxIds: { F1: true } };

test("what changes nothing leaves the object as it is", () => {
  expect(applyPatch(email, { keywords: { $seen: true }, mailboxes: { F2: false } })).toBe(email);
  expect(isEmpty(needed(email, { keywords: { $seen: true } }))).toBe(true);
});

test("a patch is written as JMAP has it", () => {
  const patch: EmailPatch = { keywords: { "a/b~c": true, $seen: false }, mailboxes: { F2: true } };
  expect(wirePatch(patch)).toEqual({ "keywords/a~1b~0c": true, "keywords/$seen": null, "mailboxIds/F2": true });
});

test("a patch and its inverse leave all as it was", () => {
  const random = new Random(3);
  const set = () => Object.fromEntries(["a", "b", "c"].filter(() => random.below(2)).map((k) => [k, true as const]));
  const changes = () =>
    Object.fromEntries(["a", "b", "c"].filter(() => random.below(2)).map((k) => [k, !!random.below(2)]));
  for (let i = 0; i < 500; i++) {
    const before: Email = { id: "M1", keywords: set(), mailboxIds: set() };
    const patch = { keywords: changes(), mailboxes: changes() };
    const after = applyPatch(before, patch)!;
    expect(applyPatch(after, inverseOf(before, patch))).toEqual(before);
    expect(applyPatch(before, needed(before, patch))).toEqual(after);
  }
});
