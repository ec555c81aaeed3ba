import { expect, test } from "vitest";
import type { Email, EmailFilter } from "../jmap";
import { matches, newestFirst, order } from "./filter";

const email: Email = {
  id: "Ma",
  mailboxIds: { F1: true },
  keywords: { $seen: true },
  receivedAt: "2026-11-22T12:00:00.5Z",
  size: 100,
  hasAttachment: false,
};
const flagged: Email = { id: "Mb", keywords: { $flagged: true } };

test.each<[EmailFilter, boolean | undefined]>([
  [{}, true],
  [{ inMailbox: "F1" }, true],
  [{ inMailbox: "F2" }, false],
  [{ inMailboxOtherThan: ["F1"] }, false],
  [{ inMailboxOtherThan: ["F2"] }, true],
  [{ hasKeyword: "$SEEN" }, true],
  [{ notKeyword: "$seen" }, false],
  [{ someInThreadHaveKeyword: "$flagged" }, true],
  [{ allInThreadHaveKeyword: "$flagged" }, false],
  [{ noneInThreadHaveKeyword: "$flagged" }, false],
  [{ before: "2026-11-22T12:00:00Z" }, false],
  [{ after: "2026-11-22T12:00:00Z" }, true], // in whole seconds
  [{ minSize: 100, maxSize: 101 }, true],
  [{ hasAttachment: true }, false],
  [{ text: "hello" }, undefined],
  [{ text: "hello", inMailbox: "F2" }, false],
  [{ operator: "OR", conditions: [{ text: "hello" }, { inMailbox: "F1" }] }, true],
  [{ operator: "AND", conditions: [{ text: "hello" }, { inMailbox: "F1" }] }, undefined],
  [{ operator: "NOT", conditions: [{ inMailbox: "F1" }] }, false],
  [{ operator: "NOT", conditions: [{ text: "hello" }] }, undefined],
])("%j: %s", (filter, verdict) => {
  expect(matches(filter, email, () => [email, flagged])).toBe(verdict);
});

test("the newest comes first, and of the same time the one with the larger id", () => {
  const at = (id: string, time: string): Email => ({ id, receivedAt: `2026-11-22T${time}:00Z` });
  const all = [at("Mz", "10:00"), at("M9", "11:00"), at("M10", "11:00"), at("Ma", "11:00")];
  expect(all.sort(order(newestFirst)!).map((e) => e.id)).toEqual(["M10", "Ma", "M9", "Mz"]);
  expect(order([{ property: "subject" }])).toBeUndefined();
});
