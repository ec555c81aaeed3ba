import { describe, expect, test } from "vitest";
import type { Email } from "../../jmap";
import { fold, openAsTheyCome, openAtFirst } from "./opening";

const seen = { $seen: true } as const;
const thread = (n: number, unread: readonly number[] = []): Email[] =>
  Array.from({ length: n }, (_, i) => ({ id: `M${i}`, ...(unread.includes(i) ? {} : { keywords: seen }) }));

describe("a conversation that is opened", () => {
  test("shows the newest message and what was not read", () => {
    expect([...openAtFirst(thread(5, [1, 3]))]).toEqual(["M4", "M3", "M1"]);
    expect([...openAtFirst([])]).toEqual([]);
  });

  test("of thousands unread shows the newest", () => {
    const all = Array.from({ length: 5000 }, (_, i) => i);
    expect([...openAtFirst(thread(5000, all))].slice(0, 2)).toEqual(["M4999", "M4998"]);
    expect(openAtFirst(thread(5000, all)).size).toBe(20);
  });
});

test("what comes later is opened when it is new or unread, and not when it is an old one that was loaded late", () => {
  const emails = thread(5, [1]);
  expect(openAsTheyCome(emails, new Set(["M3"]))).toEqual(["M1", "M4"]);
  expect(openAsTheyCome(emails, new Set(emails.map((e) => e.id)))).toEqual([]);
});

describe("older messages", () => {
  test("of a short conversation are lines", () => {
    const emails = thread(8);
    expect(fold(emails, new Set(["M7"]), 0)).toEqual({ before: [], hidden: 0, after: emails });
  });

  test("of a long one are folded between the first and the newest", () => {
    const folded = fold(thread(5000), new Set(["M4999"]), 0);
    expect([folded.before.map((e) => e.id), folded.hidden, folded.after.map((e) => e.id)]).toEqual([
      ["M0"],
      4997,
      ["M4998", "M4999"],
    ]);
  });

  test("come out when they are asked for, and never hide one that is open", () => {
    expect(fold(thread(5000), new Set(["M4999"]), 50).hidden).toBe(4947);
    expect(fold(thread(100), new Set(["M50", "M99"]), 0).after[0]?.id).toBe("M49");
  });
});
