import { expect, test } from "vitest";
import { choices, localInput, wrongTime } from "./schedule";

test.each([
  ["2026-11-20T09:00", ["laterToday", "tomorrowMorning", "tomorrowAfternoon", "monday"], "2026-11-23T08:00"], // a Friday
  ["2026-11-22T19:00", ["tomorrowMorning", "tomorrowAfternoon"], "2026-11-23T13:00"], // a Sunday: Monday is tomorrow
  ["2026-11-23T19:00", ["tomorrowMorning", "tomorrowAfternoon", "monday"], "2026-11-30T08:00"], // a Monday
])("what is offered at %s", (now, ids, last) => {
  const list = choices(new Date(now));
  expect(list.map((c) => c.id)).toEqual(ids);
  expect(localInput(list.at(-1)!.at)).toBe(last);
  expect(list.every((c) => c.at > new Date(now))).toBe(true);
});

test("a time is to come, and not too far", () => {
  const now = new Date("2026-11-20T09:00");
  expect(wrongTime(new Date("2026-11-20T08:59"), now, 1000)).toBe("past");
  expect(wrongTime(new Date("nonsense"), now, 1000)).toBe("past");
  expect(wrongTime(new Date("2026-11-21T09:00"), now, 86_400)).toBe("far");
  expect(wrongTime(new Date("2026-11-21T08:00"), now, 86_400)).toBeNull();
});
