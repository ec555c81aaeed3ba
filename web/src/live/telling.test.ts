import { expect, test } from "vitest";
import { TestClock } from "./clock";
import { others, Telling } from "./telling";

function world(to: string[] = ["ann@example.org"]) {
  const clock = new TestClock();
  const said: string[] = [];
  const telling = new Telling(
    { to, emailId: "M1" },
    (whom, state) => said.push(`${clock.now() / 1000} ${state} ${whom.join()}`),
    clock,
  );
  return { clock, said, telling };
}

test("writing is said when it begins, every 20 seconds, and when it stops", () => {
  const { clock, said, telling } = world();
  for (let i = 0; i < 45; i++) {
    telling.key();
    clock.go(1_000);
  }
  clock.go(10_000);
  telling.closed();
  expect(said.map((s) => s.replace(" ann@example.org", ""))).toEqual([
    "0 composing",
    "20 composing",
    "40 composing",
    "49 paused",
    "55 gone",
  ]);
});

test("who goes on after a pause writes again", () => {
  const { clock, said, telling } = world();
  telling.key();
  clock.go(6_000);
  telling.key();
  expect(said).toEqual(["0 composing ann@example.org", "5 paused ann@example.org", "6 composing ann@example.org"]);
});

test("reading is said while it is in sight and somebody is there", () => {
  const { clock, said, telling } = world(["a@x"]);
  telling.inSight(true);
  clock.go(30_000);
  telling.alive();
  clock.go(40_000);
  telling.inSight(false);
  expect(said).toEqual(["0 reading a@x", "20 reading a@x", "40 reading a@x", "60 reading a@x", "70 gone a@x"]);
});

test("who has gone away from an open message is not said to read it", () => {
  const { clock, said, telling } = world(["a@x"]);
  telling.inSight(true);
  clock.go(300_000);
  expect(said.at(-1)).toBe("60 gone a@x");
  telling.alive();
  expect(said.at(-1)).toBe("300 reading a@x");
});

test("writing goes before reading, and reading comes back after it", () => {
  const { clock, said, telling } = world(["a@x"]);
  telling.inSight(true);
  clock.go(1_000);
  telling.key();
  clock.go(1_000);
  telling.closed();
  expect(said).toEqual(["0 reading a@x", "1 composing a@x", "2 reading a@x"]);
});

test("an abandoned draft is not paused for ever", () => {
  const { clock, said, telling } = world(["a@x"]);
  telling.key();
  clock.go(600_000);
  expect(said.at(-1)).toBe("60 gone a@x");
});

test("who is taken out of To is told that it is over, and who comes is told what is", () => {
  const { said, telling } = world(["a@x", "b@x"]);
  telling.key();
  telling.aboutOf({ to: ["b@x", "c@x"], emailId: "M1" });
  telling.closed();
  expect(said).toEqual(["0 composing a@x,b@x", "0 gone a@x", "0 composing b@x,c@x", "0 gone b@x,c@x"]);
});

test("who comes is told what is, and nobody what is not", () => {
  const { said, telling } = world(["a@x", "b@x"]);
  telling.again();
  telling.key();
  telling.again(["B@x", "c@x"]);
  telling.again();
  expect(said).toEqual(["0 composing a@x,b@x", "0 composing b@x", "0 composing a@x,b@x"]);
});

test("what ends says so once", () => {
  const { said, telling } = world(["a@x"]);
  telling.end();
  telling.key();
  telling.end();
  telling.end();
  expect(said).toEqual(["0 composing a@x", "0 gone a@x"]);
});

test("nobody is told of a message to nobody", () => {
  const { said, telling } = world([]);
  telling.key();
  telling.closed();
  expect(said).toEqual([]);
});

test("the others: each once, not ourselves, none where there are too many", () => {
  const a = { email: "a@x" };
  const own = new Set(["me@x"]);
  expect(others([[a, { email: "Me@x" }], [{ email: "A@X" }, { email: "b@x" }], null], own, 5)).toEqual(["a@x", "b@x"]);
  expect(others([[a], [{ email: "b@x" }]], own, 1)).toEqual([]);
  expect(others([[{ email: "nonsense" }]], own, 5)).toEqual([]);
});
