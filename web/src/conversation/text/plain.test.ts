import { describe, expect, test } from "vitest";
import { linkify } from "./linkify";
import { flowOf, sections } from "./plain";

const flowed = { flowed: true, delSp: false };

describe("plain text", () => {
  test("the answered message at the end is folded, with who wrote it", () => {
    expect(sections("Yes.\n\nOn Monday, Ann <ann@example.org>\nwrote:\n> Shall we?\n> > Perhaps.\n")).toEqual([
      { kind: "text", text: "Yes." },
      {
        kind: "quote",
        folded: true,
        sections: [
          { kind: "text", text: "On Monday, Ann <ann@example.org>\nwrote:" },
          { kind: "text", text: "Shall we?" },
          { kind: "quote", folded: false, sections: [{ kind: "text", text: "Perhaps." }] },
        ],
      },
    ]);
  });

  test("short quotes between answers stay open, long ones do not", () => {
    const parts = sections(`> one\nAnswer.\n${"> much\n".repeat(20)}Another.`);
    expect(parts.map((p) => (p.kind === "quote" ? p.folded : p.kind))).toEqual([false, "text", true, "text"]);
  });

  test("nothing but a quote is shown", () => {
    expect(sections("> all there is\n> of it")).toMatchObject([{ kind: "quote", folded: false }]);
  });

  test("a signature stands apart", () => {
    expect(sections("Hello\n-- \nAnn\nExample Ltd")).toEqual([
      { kind: "text", text: "Hello" },
      { kind: "signature", text: "Ann\nExample Ltd" },
    ]);
  });

  test("flowing lines are joined within their depth (RFC 3676 4.2)", () => {
    expect(sections("A line that \nflows on.\n>Quoted and \n>flowing.\n", flowed)).toEqual([
      { kind: "text", text: "A line that flows on." },
      { kind: "quote", folded: true, sections: [{ kind: "text", text: "Quoted and flowing." }] },
    ]);
  });

  test("stuffing goes, and with DelSp the space too", () => {
    expect(sections(" >not a quote\n From here", flowed)).toEqual([{ kind: "text", text: ">not a quote\nFrom here" }]);
    expect(sections("日本 \n語", { flowed: true, delSp: true })).toEqual([{ kind: "text", text: "日本語" }]);
  });

  test("the parameters of Content-Type", () => {
    expect(flowOf('text/plain; charset=utf-8; format=flowed; delsp="yes"')).toEqual({ flowed: true, delSp: true });
    expect(flowOf(null)).toEqual({ flowed: false, delSp: false });
  });

  test("a thousand marks are no deeper than a few", () => {
    const deep = (list: ReturnType<typeof sections>): number =>
      Math.max(0, ...list.map((s) => (s.kind === "quote" ? 1 + deep(s.sections) : 0)));
    expect(deep(sections(`x\n${">".repeat(1000)} deep`))).toBe(12);
  });
});

describe("links in text", () => {
  test.each([
    ["see https://example.org/a_(b).", "https://example.org/a_(b)", "https://example.org/a_(b)"],
    ["(www.example.org/x)", "www.example.org/x", "https://www.example.org/x"],
    ["write to ann@example.org, please", "ann@example.org", "mailto:ann@example.org"],
    ["<https://example.org/?q=1&r=2>", "https://example.org/?q=1&r=2", "https://example.org/?q=1&r=2"],
    ["https://bücher.example/", "https://bücher.example/", "https://xn--bcher-kva.example/"],
  ])("%s", (text, shown, href) => {
    expect(linkify(text).find((p) => p.href)).toEqual({ text: shown, href });
  });

  test.each(["javascript:alert(1)", "data:text/html,x", "file:///etc/passwd", "https://", "a@b"])(
    "%s is text",
    (text) => {
      expect(linkify(text)).toEqual([{ text }]);
    },
  );

  test("nothing is lost between the pieces, and much text takes little time", () => {
    const text = "a@".repeat(20_000) + "www.".repeat(20_000) + " https://example.org ".repeat(2_000);
    expect(
      linkify(text)
        .map((p) => p.text)
        .join(""),
    ).toBe(text);
  }, 1000);
});

describe("text that is made to be too much", () => {
  test.each([
    ["blanks", `a${" ".repeat(200_000)}b`],
    ["lines", `a${"\n".repeat(200_000)}b`],
    ["brackets", `http://a.example/${")".repeat(1980)} `.repeat(100)],
  ])("costs no more than its length: %s", (_, text) => {
    const begun = performance.now();
    for (const part of sections(text)) if (part.kind === "text") linkify(part.text);
    sections(text, { flowed: true, delSp: true });
    expect(performance.now() - begun).toBeLessThan(1500); // quadratic: half a minute
  });

  test("has so many links and quotes, and the rest of it as text", () => {
    const text = "a@b.example ".repeat(5000);
    const pieces = linkify(text);
    expect(pieces.map((p) => p.text).join("")).toBe(text);
    expect(pieces.length).toBeLessThan(2100);
    const parts = sections("> asked\nanswered\n".repeat(5000));
    expect(parts.length).toBeLessThan(600);
    expect(JSON.stringify(parts).match(/asked/g)).toHaveLength(5000);
  });
});

test.each([
  ["see http://a.example/x_(y)).", "http://a.example/x_(y)"],
  ["(http://a.example/)", "http://a.example/"],
  ["[http://a.example/a[1]]", "http://a.example/a[1]"],
])("brackets that a link stands in are not of it: %s", (text, link) => {
  expect(linkify(text).find((p) => p.href)?.text).toBe(link);
});
