import { describe, expect, test } from "vitest";
import { destination, namedHost } from "./links";
import { pictureSource, safeLink } from "./urls";

describe("where a link leads", () => {
  test.each([
    ["https://example.org/a", "example.org", undefined],
    ["https://click.example.org/a", "https://example.org", undefined],
    ["https://evil.example/", "www.bank.example", "host"],
    ["https://evil.example/", "https://bank.example/login", "host"],
    ["https://bank.example@evil.example/", "log in", "user"],
    ["http://3232235777/", "router", "address"],
    ["http://[::1]/", "here", "address"],
    ["https://xn--pypal-4ve.com/", "PayPal", "lookalike"],
    ["https://example.org/", "report.pdf", undefined],
    ["https://example.org/", "Click here", undefined],
    ["https://example.org/", "ann@bank.example", undefined],
    ["mailto:ann@example.org?subject=x", "ann", undefined],
  ])("%s shown as %s", (href, text, doubt) => {
    expect(destination(href, text)?.doubt).toBe(doubt);
  });

  test("says the host that the text names, and the one it leads to", () => {
    expect(destination("https://evil.example/x", "WWW.Bank.Example/login")).toMatchObject({
      named: "www.bank.example",
      host: "evil.example",
    });
    expect(namedHost("https://bücher.example/x")).toBe("xn--bcher-kva.example");
  });
});

describe("links that stay", () => {
  test.each([
    ["https://example.org", "https://example.org/"],
    [" HTTPS://EXAMPLE.org/a b", "https://example.org/a%20b"],
    ["mailto:a@b.example", "mailto:a@b.example"],
    ["tel:+123", "tel:+123"],
    ["//example.org/x", "https://example.org/x"],
    ["#part", "#part"],
  ])("%s", (raw, href) => expect(safeLink(raw)).toBe(href));

  test.each([
    "javascript:alert(1)",
    " \u0001javascript:alert(1)",
    "java\nscript:alert(1)",
    "JAVASCRIPT:alert(1)",
    "vbscript:x",
    "data:text/html,x",
    "file:///x",
    "blob:https://example.org/1",
    "about:blank",
    "/relative",
    "relative",
    "#",
    "",
    "https://",
    "intent://x",
    "view-source:https://example.org",
    "ms-msdt:/x",
  ])("%j does not", (raw) => expect(safeLink(raw)).toBeUndefined());
});

describe("pictures", () => {
  test.each([
    ["https://example.org/a.png", { kind: "remote", url: "https://example.org/a.png" }],
    ["//example.org/a.png", { kind: "remote", url: "https://example.org/a.png" }],
    ["cid:a%40b", { kind: "cid", id: "a@b" }],
    ["data:image/png;base64,AAAA", { kind: "data", url: "data:image/png;base64,AAAA" }],
  ])("%s", (raw, source) => expect(pictureSource(raw)).toEqual(source));

  test.each([
    "data:image/svg+xml;base64,AAAA",
    "data:text/html,x",
    "data:image/png,%00",
    "/pictures/x",
    "\\\\host\\x",
    "file:///x",
    "javascript:x",
    "blob:x",
  ])("%s is none", (raw) => expect(pictureSource(raw)).toBeUndefined());
});
