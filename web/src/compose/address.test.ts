import { describe, expect, test } from "vitest";
import { add, parsePeople, person, sameAddress, written, wrongWith } from "./address";

const read = (text: string) => parsePeople(text).map((p) => (p.name ? [p.name, p.email] : p.email));

describe("what is pasted", () => {
  test.each([
    ["ann@example.org", ["ann@example.org"]],
    ["Ann <ann@b.org>, c@d.org; e@f.org", [["Ann", "ann@b.org"], "c@d.org", "e@f.org"]],
    ["a@b.org\nc@d.org\r\n\r\ne@f.org\n", ["a@b.org", "c@d.org", "e@f.org"]],
    ['"Doe, Jane" <jane@b.org>, b@c.org', [["Doe, Jane", "jane@b.org"], "b@c.org"]],
    ['"The \\"Boss\\"" <x@y.org>', [['The "Boss"', "x@y.org"]]],
    ["Friends: a@b.org, Bob <c@d.org>; e@f.org", ["a@b.org", ["Bob", "c@d.org"], "e@f.org"]],
    ["Nobody:;", []],
    ["undisclosed-recipients:;", []],
    ["mailto:a@b.org", ["a@b.org"]],
    ["<mailto:a@b.org>", ["a@b.org"]],
    ["a@b.org (Ann O)", [["Ann O", "a@b.org"]]],
    ["a@b.org c@d.org", ["a@b.org", "c@d.org"]],
    [
      "Ann Other ann@b.org\tBob b@c.org",
      [
        ["Ann Other", "ann@b.org"],
        ["Bob", "b@c.org"],
      ],
    ],
    ["'Ann' <a@b.org>", [["Ann", "a@b.org"]]],
    ['"a@b.org" <a@b.org>', ["a@b.org"]],
    ['unclosed " quote <a@b.org>\nc@d.org', [['unclosed " quote', "a@b.org"], "c@d.org"]],
    ["unclosed (comment <a@b.org>\nc@d.org", [["unclosed (comment", "a@b.org"], "c@d.org"]],
    ["jörg@müller.example, 用户@例子.广告", ["jörg@müller.example", "用户@例子.广告"]],
    ['"a b"@c.org', ['"a b"@c.org']],
    [" , ;; \n", []],
  ])("%s", (text, people) => {
    expect(read(text)).toEqual(people);
  });

  test("keeps what is no address, with the reason", () => {
    expect(parsePeople("Ann Other, a@b.org")).toEqual([
      { name: "", email: "Ann Other", wrong: "noAt" },
      { name: "", email: "a@b.org" },
    ]);
  });

  test("ten thousand are read in no time", () => {
    const many = Array.from({ length: 10_000 }, (_, i) => `Person ${i} <p${i}@example.org>`).join(",\n");
    const start = performance.now();
    expect(parsePeople(many)).toHaveLength(10_000);
    expect(performance.now() - start).toBeLessThan(1000);
  });
});

test.each([
  ["a@b.org", null],
  ["a+b@c", null],
  ["a@[192.0.2.1]", null],
  ["ann", "noAt"],
  ["@b.org", "noName"],
  ["a@", "noDomain"],
  ["a@b@c.org", "two"],
  ["a b@c.org", "signs"],
  ["a@b c.org", "signs"],
  ["a@-b.org", "signs"],
  [".a@b.org", "dots"],
  ["a..b@c.org", "dots"],
  ["a@b..org", "dots"],
  ["a@b.org.", "dots"],
  [`${"x".repeat(65)}@b.org`, "long"],
  [`a@${"x".repeat(64)}.org`, "long"],
] as const)("%s is wrong by %s", (email, wrong) => {
  expect(wrongWith(email)).toBe(wrong);
});

test("nobody is added twice", () => {
  const one = [person("Ann", "ann@b.org")];
  expect(add(one, parsePeople("ANN@b.org, c@d.org, C@d.org")).map((p) => p.email)).toEqual(["ann@b.org", "c@d.org"]);
});

test("what is written is read again", () => {
  for (const p of [
    person("Doe, Jane", "j@b.org"),
    person('A "B" C', "x@y.org"),
    person("", "a@b.org"),
    person("Zoë", "z@b.org"),
  ])
    expect(parsePeople(written(p))).toEqual([p]);
});

test("a detail is the same person", () => {
  expect(sameAddress("Ann+list@B.org", "ann@b.org")).toBe(true);
  expect(sameAddress("ann@b.org", "anna@b.org")).toBe(false);
});

test("groups that seem to hold groups without end are read", () => {
  expect(parsePeople(`${"x:".repeat(40_000)}a@example.org`).map((p) => p.email)).toEqual(["a@example.org"]);
});
