import { describe, expect, test } from "vitest";
import type { Mailbox } from "../jmap/types";
import type { Row } from "../model";
import { Geometry, maxHeight } from "./geometry";
import { Recycling } from "./recycling";
import { Selection } from "./selection";
import { localValue, times, week } from "./times";
import { countOf, grow, isBelow, lines } from "./tree";

describe("geometry", () => {
  test("rows in sight", () => {
    const g = new Geometry(80, 100_000, 800);
    expect(g.height).toBe(8_000_000);
    expect(g.range()).toEqual({ from: 0, to: 20 });
    expect(g.scrolled(80_000)).toBe(null);
    expect(g.range()).toEqual({ from: 992, to: 1020 });
    expect(g.firstInSight).toBe(1000);
    expect(g.topOf(1000)).toBe(80_000);
    g.scrolled(8_000_000 - 800);
    expect(g.range().to).toBe(100_000);
    expect([g.toShow(99_999), g.toShow(99_989)]).toEqual([null, 99_989 * 80]);
  });

  test("an empty list", () => {
    const g = new Geometry(80, 0, 800);
    expect([g.range(), g.firstInSight, g.scrollTo(500)]).toEqual([{ from: 0, to: 0 }, 0, 0]);
  });

  const long = () => new Geometry(80, 1_000_000, 800);

  test("a list that is higher than a browser can make it: the wheel passes all rows", () => {
    const g = long();
    expect(g.height).toBe(maxHeight);
    let top = 0;
    let before = g.at;
    for (let i = 0; i < 200_000 && g.range().to < g.rows; i++) {
      top += 600;
      top = g.scrolled(top) ?? top;
      const moved: number = g.at - before;
      expect(moved, `step ${i}`).toBeGreaterThanOrEqual(0);
      expect(moved).toBeLessThanOrEqual(601);
      before = g.at;
      expect(top).toBeLessThanOrEqual(maxHeight - 800);
      if (i > 20_000) break;
    }
    expect(g.at).toBeGreaterThan(12_000_000);
  });

  test("the scrollbar reaches both ends", () => {
    const g = long();
    let top = g.scrolled(maxHeight - 800) ?? maxHeight - 800;
    expect(g.range().to).toBe(1_000_000);
    expect(g.topOf(999_999) - top).toBe(800 - 80);
    top = g.scrolled(0) ?? 0;
    expect(g.range().from).toBe(0);
    expect(g.topOf(0) - top).toBe(0);
    g.scrolled(8_000_000);
    expect(Math.abs(g.firstInSight - 500_000)).toBeLessThan(200);
  });

  test("every row can be shown", () => {
    const g = long();
    for (const i of [0, 1, 4711, 123_456, 999_990, 999_999, 3]) {
      const at = g.toShow(i);
      const top = at === null ? g.at - g.base : g.scrollTo(at);
      expect(g.topOf(i)).toBeGreaterThanOrEqual(top - 1);
      expect(g.topOf(i) + 80).toBeLessThanOrEqual(top + 801);
    }
  });
});

describe("recycling", () => {
  test("who stays keeps the element, who comes gets one of those that left", () => {
    const r = new Recycling();
    expect(r.assign(["a", "b", "c"])).toEqual([0, 1, 2]);
    expect(r.assign(["b", "c", "d"])).toEqual([1, 2, 0]);
    expect(r.assign(["new", "b", "c", "d"])).toEqual([3, 1, 2, 0]);
    expect(r.assign(["x", "y", "z", "w"]).toSorted()).toEqual([0, 1, 2, 3]);
    expect(r.assign([])).toEqual([]);
    expect(r.assign(["q"])).toEqual([0]);
  });

  test("no element is used twice, and there are no more than rows at a time", () => {
    const r = new Recycling();
    for (let i = 0; i < 1_000; i++) {
      const top = (i * i * 7) % 5_003;
      const elements = r.assign(Array.from({ length: 30 }, (_, j) => `row ${top + j}`));
      expect(new Set(elements).size).toBe(30);
      expect(Math.max(...elements)).toBeLessThan(60);
    }
  });
});

describe("selection", () => {
  const rows = Array.from({ length: 10 }, (_, i) => ({ threadId: `T${i}`, emailIds: [`M${i}`] }) as unknown as Row);
  const at = (i: number) => rows[i] ?? "loading";

  test("one, a range, another range from the same place", () => {
    const s = new Selection();
    s.toggle(rows[2]!, 2);
    s.extend(4, at);
    expect([...s.rows.value.keys()]).toEqual(["T2", "T3", "T4"]);
    s.toggle(rows[3]!, 3);
    s.extend(1, at);
    expect([...s.rows.value.keys()].sort()).toEqual(["T1", "T2", "T3", "T4"]);
  });

  test("all is all until something is taken from it", () => {
    const s = new Selection();
    s.only(rows.slice(0, 3));
    s.all();
    expect(s.has(rows[9]!)).toBe(true);
    s.toggle(rows[0]!, 0);
    expect([s.everything.value, s.has(rows[9]!), s.size]).toEqual([false, false, 2]);
    s.clear();
    expect(s.size).toBe(0);
  });

  test("a row that has changed is selected as it is now", () => {
    const s = new Selection();
    s.only([rows[0]!]);
    s.refresh((row) => ({ ...row, emailIds: ["M0", "M99"] }) as Row);
    expect(s.rows.value.get("T0")?.emailIds).toEqual(["M0", "M99"]);
  });
});

describe("times to snooze to", () => {
  const keys = (now: Date) => times(now).map((t) => `${t.key.slice(5)} ${localValue(t.at)}`);
  test("on a Tuesday morning", () => {
    expect(keys(new Date(2026, 10, 24, 9, 30))).toEqual([
      "laterToday 2026-11-24T18:00",
      "tomorrow 2026-11-25T08:00",
      "weekend 2026-11-28T08:00",
      "nextWeek 2026-11-30T08:00",
      "nextMonth 2026-12-01T08:00",
    ]);
  });
  test("on a Friday evening the weekend is tomorrow", () => {
    expect(keys(new Date(2026, 10, 27, 17))[0]).toBe("laterToday 2026-11-27T20:00");
    expect(keys(new Date(2026, 10, 27, 17)).some((k) => k.startsWith("weekend"))).toBe(false);
  });
  test("late at night nothing is later today, and on a Sunday next week is tomorrow", () => {
    const late = keys(new Date(2026, 10, 29, 23));
    expect(late.map((k) => k.split(" ")[0])).toEqual(["tomorrow", "nextMonth"]);
  });
  test("all are to come, whatever the time", () => {
    for (let hour = 0; hour < 24 * 40; hour++) {
      const now = new Date(2026, 1, 20, hour, 59, 59);
      const all = times(now);
      for (const [i, t] of all.entries()) expect(t.at.getTime()).toBeGreaterThan(i ? 0 : now.getTime());
      expect(new Set(all.map((t) => t.key)).size).toBe(all.length);
    }
  });
  test("weeks by where the language is spoken", () => {
    expect(week("de")).toEqual({ weekend: 6, monday: 1 });
    expect(week("ar-EG")).toEqual({ weekend: 5, monday: 0 });
  });
});

describe("the tree of mailboxes", () => {
  const box = (id: string, name: string, role: string | null = null, parentId: string | null = null, more = {}) =>
    ({ id, name, role, parentId, sortOrder: 0, totalEmails: 9, unreadThreads: 2, ...more }) as Mailbox;
  const compare = (a: string, b: string) => a.localeCompare(b);
  const all = [
    box("1", "Trash", "trash"),
    box("2", "Zebra"),
    box("3", "Apple"),
    box("4", "Below", null, "2"),
    box("5", "Inbox", "inbox"),
    box("6", "Below the inbox", null, "5"),
    box("7", "Orphan", null, "99"),
  ];

  test("roles as people know them, then the others by name", () => {
    const { known, tree } = grow(all, compare);
    expect(known.map((m) => m.name)).toEqual(["Inbox", "Trash"]);
    expect(lines(tree, new Set()).map((l) => `${l.depth} ${l.mailbox.name}`)).toEqual([
      "0 Apple",
      "0 Below the inbox",
      "0 Orphan",
      "0 Zebra",
      "1 Below",
    ]);
    expect(lines(tree, new Set(["2"])).map((l) => l.mailbox.name)).not.toContain("Below");
  });

  test("a circle, which a server must not make, ends nothing and loses nothing", () => {
    const { tree } = grow([box("1", "A", null, "2"), box("2", "B", null, "1")], compare);
    expect(lines(tree, new Set()).length).toBe(2);
  });

  test("below", () => {
    expect(isBelow(all[3]!, "2", all)).toBe(true);
    expect(isBelow(all[1]!, "4", all)).toBe(false);
  });

  test("what is counted", () => {
    expect(countOf(box("1", "", "drafts"))).toBe(9);
    expect(countOf(box("1", "", "inbox"))).toBe(2);
    expect(countOf(box("1", "", "trash"))).toBe(0);
  });
});
