import { describe, expect, test } from "vitest";
import type { Email, EmailBodyPart } from "../jmap/types";
import { audience, body, isEmoji, parseLine, read, sort } from "./reaction";

test.each(["👍", "❤️", "♥", "👍🏽", "👩‍🚀", "🏳️‍🌈", "🇩🇪", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "1️⃣", "😀", "\u{1FAFF}"])("%s is an emoji", (text) => {
  expect(isEmoji(text)).toBe(true);
});

test.each(["", "a", "1", "#", "👍👍", "👍a", "🇩", ":)", "<b>", "ok 👍", "\u200D", "\u{E0041}"])(
  "%j is none",
  (text) => {
    expect(isEmoji(text)).toBe(false);
  },
);

describe("a line (RFC 9078 3)", () => {
  test.each([
    ["👍\r\n", ["👍"]],
    ["👍", ["👍"]],
    ["👍 ❤️\r\n", ["👍", "❤️"]],
    ["👍 \t👍\n", ["👍"]],
  ])("%j", (content, emoji) => {
    expect(parseLine(content)).toEqual(emoji);
  });

  test.each(["", "\r\n", "👍\r\n❤️\r\n", "👍👎", "yes", "👍 yes", `${"👍 ".repeat(21)}`, "👍".padEnd(500)])(
    "%j is none",
    (content) => {
      expect(parseLine(content)).toBeUndefined();
    },
  );
});

const part = (over: Partial<EmailBodyPart> = {}): EmailBodyPart => ({
  partId: "1",
  blobId: null,
  size: 6,
  name: null,
  type: "text/plain",
  charset: "utf-8",
  disposition: "reaction",
  cid: null,
  ...over,
});

function mail(id: string, over: Partial<Email> = {}): Email {
  return { id, messageId: [`${id}@x`], from: [{ name: id, email: `${id.toLowerCase()}@x` }], ...over };
}

function reacts(id: string, to: string, emoji = "👍", p: Partial<EmailBodyPart> = {}): Email {
  const structure = part(p);
  return mail(id, {
    inReplyTo: [`${to}@x`],
    bodyStructure: structure,
    textBody: [structure],
    attachments: [],
    bodyValues: { "1": { value: `${emoji}\r\n`, isEncodingProblem: false, isTruncated: false } },
  });
}

describe("a mail is a reaction", () => {
  test("whose only part is one", () => {
    expect(read(reacts("B", "A"))).toEqual({ emoji: ["👍"], alone: true });
  });

  test("or which has one in its outermost multipart, beside what else it says", () => {
    const text = part({ partId: "2", disposition: null, size: 100 });
    const root = part({ partId: null, type: "multipart/mixed", disposition: null, subParts: [part(), text] });
    expect(read({ ...reacts("B", "A"), bodyStructure: root, textBody: [part(), text] })).toEqual({
      emoji: ["👍"],
      alone: false,
    });
  });

  test.each<[string, Email]>([
    [
      "not deeper",
      {
        ...reacts("B", "A"),
        bodyStructure: part({
          type: "multipart/mixed",
          subParts: [part({ type: "multipart/mixed", partId: null, disposition: null, subParts: [part()] })],
        }),
      },
    ],
    ["not of another type", reacts("B", "A", "👍", { type: "text/html" })],
    ["not of another charset", reacts("B", "A", "👍", { charset: "iso-8859-1" })],
    ["not an attachment", reacts("B", "A", "👍", { disposition: "attachment" })],
    ["not with other text", reacts("B", "A", "yes 👍")],
    [
      "not cut off",
      { ...reacts("B", "A"), bodyValues: { "1": { value: "👍", isEncodingProblem: false, isTruncated: true } } },
    ],
    [
      "not in an unknown encoding",
      { ...reacts("B", "A"), bodyValues: { "1": { value: "👍", isEncodingProblem: true, isTruncated: false } } },
    ],
  ])("%s", (_, email) => {
    expect(read(email)).toBeUndefined();
  });
});

describe("in a conversation", () => {
  test("chips are under the message that is answered, each with who chose it, each once", () => {
    const { chips, folded } = sort([
      mail("A"),
      reacts("B", "A"),
      reacts("C", "A", "👍 ❤️"),
      { ...reacts("D", "A"), from: [{ name: "B", email: "B@x" }] },
    ]);
    expect([...folded]).toEqual(["B", "C", "D"]);
    expect(chips.get("A")!.map((c) => `${c.emoji} ${c.by.map((p) => p.email)}`)).toEqual(["👍 b@x,c@x", "❤️ c@x"]);
  });

  test.each<[string, Email]>([
    ["names no message of it", reacts("B", "Z")],
    ["names itself", reacts("B", "B")],
    ["names none", { ...reacts("B", "A"), inReplyTo: null }],
    ["has no author", { ...reacts("B", "A"), from: null }],
    ["is a draft", { ...reacts("B", "A"), keywords: { $draft: true } }],
  ])("a mail that %s is as any other", (_, email) => {
    expect(sort([mail("A"), email])).toEqual({ chips: new Map(), folded: new Set() });
  });

  test("a reaction to a reaction is a mail", () => {
    const { chips, folded } = sort([mail("A"), reacts("B", "A"), reacts("C", "B")]);
    expect([...folded]).toEqual(["B"]);
    expect([...chips.keys()]).toEqual(["A"]);
  });
});

test("what is written is read", () => {
  const { bodyValues } = body("👩‍🚀");
  expect(parseLine(bodyValues.reaction!.value)).toEqual(["👩‍🚀"]);
});

describe("a reaction goes", () => {
  const own = new Set(["me@x"]);
  const to = (n: number) => Array.from({ length: n }, (_, i) => ({ name: null, email: `p${i}@x` }));

  test("to the author and all others who have it, not to ourselves", () => {
    const email = mail("A", {
      to: [
        { name: null, email: "Me@x" },
        { name: null, email: "b@x" },
      ],
      cc: [
        { name: null, email: "a@x" },
        { name: null, email: "c@x" },
      ],
    });
    const { to, cc } = audience(email, own);
    expect([to.map((a) => a.email), cc.map((a) => a.email)]).toEqual([["a@x", "b@x"], ["c@x"]]);
  });

  test("to the author alone where there are many", () => {
    expect(audience(mail("A", { to: to(21) }), own).to.map((a) => a.email)).toEqual(["a@x"]);
  });

  test("to those we wrote to, under our own message", () => {
    expect(
      audience(mail("A", { from: [{ name: null, email: "me@x" }], to: to(1) }), own).to.map((a) => a.email),
    ).toEqual(["p0@x"]);
  });
});
