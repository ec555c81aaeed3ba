import { describe, expect, test } from "vitest";
import type { Row } from "../model";
import { marked } from "./marked";
import { partiesOf } from "./names";

const row = (participants: [string | null, string][], to: [string | null, string][] = []) =>
  ({
    participants: participants.map(([name, email]) => ({ name, email })),
    email: { to: to.map(([name, email]) => ({ name, email })) },
  }) as unknown as Row;
const own = new Set(["me@example.org"]);
const shown = (r: Row, outgoing = false) => partiesOf(r, own, outgoing).map((p) => (p.me ? "me" : p.name));

describe("who a row is about", () => {
  test.each<[string[], [string | null, string][]]>([
    [["Ann Lee"], [["Ann Lee", "ann@example.org"]]],
    [["ann@example.org"], [[null, "ann@example.org"]]],
    [
      ["Ann", "me"],
      [
        ["Ann Lee", "ann@example.org"],
        ["Ada", "ME@example.org"],
      ],
    ],
    [
      ["Ann", "bob"],
      [
        ["Lee, Ann", "ann@example.org"],
        [null, "bob@example.org"],
      ],
    ],
    [
      ["A", "C", "D"],
      [
        ["A", "a@x"],
        ["B", "b@x"],
        ["C", "c@x"],
        ["D", "d@x"],
      ],
    ],
    [[], []],
  ])("%s", (names, people) => expect(shown(row(people))).toEqual(names));

  test("of what was sent: to whom", () => {
    expect(shown(row([["Ada", "me@example.org"]], [["Bob", "b@x"]]), true)).toEqual(["Bob"]);
  });
});

test("of a snippet nothing but the marks is markup", () => {
  const [before, mark, after] = marked("a &lt;b&gt; <mark>x &amp; y</mark> <img src=x>") as [
    string,
    { type: string; props: { children: string } },
    string,
  ];
  expect([before, mark.type, mark.props.children, after]).toEqual(["a <b> ", "mark", "x & y", " <img src=x>"]);
});
