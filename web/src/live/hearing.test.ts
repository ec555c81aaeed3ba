import { effect } from "@preact/signals";
import { expect, test } from "vitest";
import { TestClock } from "./clock";
import { type Heard, Hearing } from "./hearing";

const start = Date.parse("2026-11-22T12:00:00Z");
const iso = (ms: number) => new Date(start + ms).toISOString();

function says(state: string, at: number, more: Partial<Heard> = {}): Heard {
  const person = state === "online" || state === "today" || state === "unknown";
  return {
    from: { contactId: "Cann", email: "ann@example.org" },
    state,
    threadId: person ? null : "T1",
    sentAt: iso(at),
    until: person || state === "gone" ? null : iso(at + 30_000),
    ...more,
  };
}

function world() {
  const clock = new TestClock();
  const hearing = new Hearing(clock);
  return { clock, hearing, states: () => hearing.in("T1").value.map((d) => `${d.contactId} ${d.state}`) };
}

test("somebody writes until it is over", () => {
  const { clock, hearing, states } = world();
  hearing.heard(says("composing", 0));
  expect(states()).toEqual(["Cann composing"]);
  clock.go(29_999);
  expect(states()).toEqual(["Cann composing"]);
  clock.go(1);
  expect(states()).toEqual([]);
});

test("what is said again holds on", () => {
  const { clock, hearing, states } = world();
  hearing.heard(says("composing", 0));
  clock.go(20_000);
  hearing.heard(says("composing", 20_000));
  clock.go(29_000);
  expect(states()).toEqual(["Cann composing"]);
});

test("the newest state of a person holds, in whatever order they come", () => {
  const { clock, hearing, states } = world();
  hearing.heard(says("reading", 0));
  hearing.heard(says("composing", 2_000));
  hearing.heard(says("paused", 1_000));
  expect(states()).toEqual(["Cann composing"]);
  clock.go(3_000);
  hearing.heard(says("gone", 3_000));
  expect(states()).toEqual([]);
});

test("a signal that comes late is shown for what is left of it", () => {
  const { clock, hearing, states } = world();
  hearing.heard(says("composing", 0));
  hearing.heard(says("gone", 1));
  clock.go(25_000);
  hearing.heard(says("composing", 5_000)); // 20 seconds late
  expect(states()).toEqual(["Cann composing"]);
  clock.go(10_001);
  expect(states()).toEqual([]);
  clock.go(60_000);
  hearing.heard(says("composing", 10_000));
  expect(states()).toEqual([]);
});

test("a message ends the writing of its author, and not the reading", () => {
  const { hearing, states } = world();
  hearing.heard(says("composing", 0));
  hearing.heard(says("reading", 0, { from: { contactId: "Cbob", email: "bob@example.org" } }));
  hearing.arrived("T1", "ANN@example.org");
  hearing.arrived("T1", "bob@example.org");
  expect(states()).toEqual(["Cbob reading"]);
});

test("whoever writes comes first", () => {
  const { hearing, states } = world();
  hearing.heard(says("reading", 0));
  hearing.heard(says("composing", 1, { from: { contactId: "Cbob", email: "bob@example.org" } }));
  expect(states()).toEqual(["Cbob composing", "Cann reading"]);
});

test.each([
  ["an unknown state", says("dancing", 0)],
  ["no thread", says("composing", 0, { threadId: null })],
  ["no date", says("composing", 0, { sentAt: "yesterday" })],
])("%s is ignored", (_, signal) => {
  const { hearing, states } = world();
  hearing.heard(signal);
  expect(states()).toEqual([]);
});

test("presence: there, there today, and after a day nothing", () => {
  const { clock, hearing } = world();
  const ann = hearing.presence("Ann@Example.org");
  hearing.heard(says("online", 0));
  expect(ann.value.state).toBe("online");
  hearing.heard(says("today", 60_000, { until: iso(60_000 + 86_400_000) }));
  expect(ann.value.state).toBe("today");
  clock.go(86_400_000);
  expect(ann.value.state).toBe("unknown");
});

test("with the connection goes all that was known", () => {
  const { hearing, states } = world();
  hearing.heard(says("composing", 0));
  hearing.heard(says("online", 0));
  hearing.forget();
  expect(states()).toEqual([]);
  expect(hearing.presence("ann@example.org").value.state).toBe("unknown");
  hearing.heard(says("composing", 100));
  expect(states()).toEqual(["Cann composing"]);
});

test("who looks at a thread is told of each change", () => {
  const { clock, hearing } = world();
  const seen: number[] = [];
  const stop = effect(() => {
    seen.push(hearing.in("T1").value.length);
  });
  hearing.heard(says("composing", 0));
  clock.go(30_000);
  hearing.heard(says("composing", 40_000));
  stop();
  expect(seen).toEqual([0, 1, 0, 1]);
});
