import { describe, expect, test } from "vitest";
import type { EmailFilter, Mailbox } from "../jmap/types";
import { toFilter } from "./filter";
import { maxText, parse, print, type Query } from "./query";
import { suggest, wordBefore } from "./suggest";
import { readAge, readDate, readSize } from "./value";

const mailbox = (id: string, name: string, role: string | null = null, parentId: string | null = null) =>
  ({ id, name, role, parentId }) as Mailbox;
const mailboxes = [
  mailbox("F1", "Inbox", "inbox"),
  mailbox("F2", "Trash", "trash"),
  mailbox("F3", "Spam", "junk"),
  mailbox("F4", "Later", "snoozed"),
  mailbox("F5", "Work"),
  mailbox("F6", "New Projects", null, "F5"),
  mailbox("F7", "Bills"),
  mailbox("F8", "Bills", null, "F5"),
];
const where = { mailboxes, now: new Date(2026, 10, 22, 15) };
const utc = (y: number, m: number, d: number) => new Date(y, m - 1, d).toISOString().replace(".000", "");
const found = (text: string) => toFilter(parse(text), where);

describe("a text as a filter", () => {
  const text = (s: string): EmailFilter => ({ text: `"${s}"` });
  const and = (...conditions: EmailFilter[]): EmailFilter => ({ operator: "AND", conditions });
  const or = (...conditions: EmailFilter[]): EmailFilter => ({ operator: "OR", conditions });
  const not = (...conditions: EmailFilter[]): EmailFilter => ({ operator: "NOT", conditions });
  test.each<[string, EmailFilter]>([
    ["lunch", text("lunch")],
    ["lunch friday", and(text("lunch"), text("friday"))],
    ['"lunch on friday"', text("lunch on friday")],
    ["“lunch on friday”", text("lunch on friday")],
    ['a"b c"', and(text("a"), text("b c"))],
    ['"a\\"b"', text('a\\"b')],
    ["lunch OR dinner", or(text("lunch"), text("dinner"))],
    ["a | b c", and(or(text("a"), text("b")), text("c"))],
    ["a AND b", and(text("a"), text("b"))],
    ["or and not", and(text("or"), text("and"), text("not"))],
    ["-dinner lunch", and(not(text("dinner")), text("lunch"))],
    ["NOT dinner", not(text("dinner"))],
    ["well-known - wide", and(text("well-known"), text("wide"))],
    ["(a b) OR (c d)", or(and(text("a"), text("b")), and(text("c"), text("d")))],
    ["{a b c}", or(text("a"), text("b"), text("c"))],
    ["-(a OR b)", not(or(text("a"), text("b")))],
    ["from:ann@example.org", { from: '"ann@example.org"' }],
    ['FROM:"Ann Lee"', { from: '"Ann Lee"' }],
    ["from:(ann OR bob)", or({ from: '"ann"' }, { from: '"bob"' })],
    ["subject:(lunch -friday)", and({ subject: '"lunch"' }, not({ subject: '"friday"' }))],
    ["has:attachment", { hasAttachment: true }],
    ["filename:report.pdf", and({ hasAttachment: true }, text("report.pdf"))],
    ["is:unread is:starred", and({ notKeyword: "$seen" }, { hasKeyword: "$flagged" })],
    ["is:muted", { someInThreadHaveKeyword: "$muted" }],
    ["before:2026-11-01", { before: utc(2026, 11, 1) }],
    ["after:2026/11", { after: utc(2026, 11, 1) }],
    ["on:yesterday", { after: utc(2026, 11, 21), before: utc(2026, 11, 22) }],
    ["larger:10M", { minSize: 10_000_000 }],
    ["smaller:1.5k", { maxSize: 1500 }],
    ["list:announce", { header: ["List-Id", "announce"] }],
    ["http://example.org/a", text("http://example.org/a")],
    ["a)) b", and(text("a"), text("b"))],
    ["((a", text("a")],
  ])("%s", (typed, filter) => {
    expect(found(typed)).toEqual({ filter: and(...flat(filter), { inMailboxOtherThan: ["F2", "F3"] }), problems: [] });
  });
  const flat = (f: EmailFilter) => ("operator" in f && f.operator === "AND" ? f.conditions : [f]);

  test.each<[string, EmailFilter, string?]>([
    ["in:inbox", { inMailbox: "F1" }, "F1"],
    ["in:spam", { inMailbox: "F3" }, "F3"],
    ["label:work/new-projects", { inMailbox: "F6" }, "F6"],
    ['in:"New Projects"', { inMailbox: "F6" }, "F6"],
    ["in:bills", { inMailbox: "F7" }, "F7"],
    ["in:anywhere", {}],
    ["is:snoozed", { inMailbox: "F4" }],
    ["-in:inbox", not({ inMailbox: "F1" })],
    ["in:inbox a", and({ inMailbox: "F1" }, text("a")), "F1"],
  ])("%s says where", (typed, filter, mailboxId) => {
    expect(found(typed)).toEqual(mailboxId ? { filter, problems: [], mailboxId } : { filter, problems: [] });
  });
});

test.each([
  ["before:soon", "search.noDate"],
  ["on:2026-02-30", "search.noDate"],
  ["older_than:3", "search.noAge"],
  ["larger:big", "search.noSize"],
  ["is:blue", "search.noState"],
  ["has:legs", "search.noThing"],
  ["in:nowhere", "search.noMailbox"],
  ["from:", "search.noValue"],
  ["form:ann", "search.noOperator"],
  ["a ".repeat(200), "search.tooLong"],
])("%s is told of, and the rest is searched", (typed, key) => {
  const { filter, problems } = found(typed);
  expect(problems.map((p) => p.key)).toEqual([key]);
  expect(filter).toBeTruthy();
});

describe("values", () => {
  const now = new Date(2026, 2, 31, 12);
  test.each([
    ["2024-02-29", new Date(2024, 1, 29)],
    ["29.2.2024", new Date(2024, 1, 29)],
    ["2/29/2024", new Date(2024, 1, 29)],
    ["2024", new Date(2024, 0, 1)],
    ["TODAY", new Date(2026, 2, 31)],
    ["2023-02-29", null],
    ["2024-13-01", null],
    ["20240229", null],
  ])("the date %s", (text, from) => expect(readDate(text, now)?.[0] ?? null).toEqual(from));
  test.each([
    ["3d", new Date(2026, 2, 28, 12)],
    ["2w", new Date(2026, 2, 17, 12)],
    ["1y", new Date(2025, 2, 31, 12)],
    ["3", null],
    ["99999d", null],
  ])("the age %s", (text, at) => expect(readAge(text, now)).toEqual(at));
  test.each([
    ["12", 12],
    ["1k", 1000],
    ["1,5 MB", 1_500_000],
    ["2g", 2e9],
    ["-1", null],
    ["1e9", null],
  ])("the size %s", (text, octets) => expect(readSize(text)).toBe(octets));
});

describe("whatever is typed", () => {
  // Numbers from a seed (mulberry32), so that what fails fails again.
  const random = (seed: number) => () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let x = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
  const pieces = [
    "a",
    "Zoë",
    "from:",
    "is:unread",
    "in:",
    "-",
    "OR",
    "AND",
    "NOT",
    "(",
    ")",
    "{",
    "}",
    "|",
    '"',
    "\\",
    " ",
    "“",
    ":",
    "x:y",
    "OR:",
    "before:2026",
    "label:b-c",
    "\t",
    "é\u0301",
    "😀",
    "size:",
    "http://",
  ];
  const drawn = (seed: number) => {
    const next = random(seed);
    return Array.from({ length: 1 + Math.floor(next() * 14) }, () => pieces[Math.floor(next() * pieces.length)]).join(
      "",
    );
  };

  test("is read, printed, and read as the same", () => {
    for (let seed = 0; seed < 20_000; seed++) {
      const typed = drawn(seed);
      const q = parse(typed);
      const printed = print(q);
      expect(parse(printed), `${JSON.stringify(typed)} printed as ${JSON.stringify(printed)}`).toEqual(q);
      expect(toFilter(q, where).filter).toBeTruthy();
    }
  });

  test("is read with all of its words", () => {
    const words = (q: Query): string[] =>
      q.kind === "term" ? [q.value] : q.kind === "not" ? words(q.of) : q.of.flatMap(words);
    for (let seed = 0; seed < 2_000; seed++) {
      const marked = drawn(seed).replaceAll("a", " needle ");
      expect(words(parse(marked)).join(" ").split("needle").length).toBe(marked.split("needle").length);
    }
  });

  test("is bounded", () => {
    for (const typed of [
      "(".repeat(5000),
      "-".repeat(5000),
      "{a ".repeat(5000),
      "from:(".repeat(1000),
      '"'.repeat(5001),
      "- ".repeat(900),
    ]) {
      expect(print(parse(typed)).length).toBeLessThanOrEqual(2 * maxText);
    }
  });
});

describe("suggestions", () => {
  const known = {
    mailboxes,
    people: async (text: string) => [{ id: "C1", email: `${text}@example.org`, name: "Ann" } as never],
    recent: ["from:ann lunch", "lunch"],
  };
  const texts = async (typed: string, caret = typed.length) => (await suggest(typed, caret, known)).map((s) => s.text);

  test("without a text what was searched for last", async () => {
    expect(await texts("")).toEqual(["from:ann lunch", "lunch"]);
  });
  test("operators, people, folders, what was searched for", async () => {
    expect(await texts("fr")).toEqual(["from:", "from:fr@example.org ", "from:ann lunch"]);
    expect(await texts("lunch un")).toContain("lunch is:unread ");
  });
  test("values of operators", async () => {
    expect(await texts("is:un")).toEqual(["is:unread "]);
    expect(await texts("to:an")).toEqual(["to:an@example.org "]);
    expect(await texts("x in:new")).toEqual(['x in:"Work/New Projects" ']);
    expect(await texts("has: rest", 4)).toEqual(["has:attachment rest"]);
  });
  test("people are missing without a connection", async () => {
    expect(await suggest("from:an", 7, { ...known, people: () => Promise.reject(new Error("offline")) })).toEqual([]);
  });
  test.each([
    ["from:an", { operator: "from", value: "an", from: 0 }],
    ["a from:", { operator: "from", value: "", from: 2 }],
    ['from:"Ann L', { operator: "from", value: "Ann L", from: 0 }],
    ['from:"Ann"', { operator: null, value: "", from: 10 }],
    ["a b", { operator: null, value: "b", from: 2 }],
    ["a ", { operator: null, value: "", from: 2 }],
  ])("the word before the caret in %s", (typed, word) => expect(wordBefore(typed, typed.length)).toEqual(word));
});
