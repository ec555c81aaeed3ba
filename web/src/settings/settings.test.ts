import { describe, expect, test } from "vitest";
import type { Contact, Quota } from "../jmap/types";
import { addresses, textOf, wrongAddresses } from "./address";
import { matching } from "./contacts";
import { inputOf, state, utcOf } from "./dates";
import { changePassword } from "./password";
import { defaultHours, validHours, zones } from "./quiet";
import { percent, show } from "./quota";

describe("addresses as people write them", () => {
  test.each([
    ["ann@x", [{ name: null, email: "ann@x" }]],
    [
      'Ann Lee <ann@x>, "Bob" <bob@x>',
      [
        { name: "Ann Lee", email: "ann@x" },
        { name: "Bob", email: "bob@x" },
      ],
    ],
    [
      " <ann@x> ; b@x\n",
      [
        { name: null, email: "ann@x" },
        { name: null, email: "b@x" },
      ],
    ],
    ["", null],
  ])("%j", (text, list) => {
    expect(addresses(text)).toEqual(list);
    expect(wrongAddresses(text)).toBe(false);
  });

  test.each(["ann", "ann@x bob@x", "Ann <ann>", "ann@x, nobody"])("%j is wrong", (text) => {
    expect(wrongAddresses(text)).toBe(true);
  });

  test("come back as they were", () => {
    expect(textOf(addresses("Ann Lee <ann@x>, b@x"))).toBe("Ann Lee <ann@x>, b@x");
    expect(textOf(null)).toBe("");
  });
});

describe("the days of a vacation", () => {
  test("begin and end here, and come back as the same days", () => {
    const from = utcOf("2026-12-24", "start")!;
    const to = utcOf("2026-12-24", "end")!;
    expect(Date.parse(to) - Date.parse(from)).toBe(86_399_000);
    expect([inputOf(from), inputOf(to)]).toEqual(["2026-12-24", "2026-12-24"]);
  });

  test.each(["", "24.12.2026", "nonsense"])("%j is none", (text) => {
    expect(utcOf(text, "start")).toBeNull();
  });

  test("what is no date is no day", () => {
    expect([inputOf(null), inputOf("nonsense")]).toEqual(["", ""]);
  });

  const now = new Date("2026-11-22T12:00:00Z");
  test.each([
    ["off", false, null, null],
    ["on", true, null, null],
    ["on", true, "2026-11-22T12:00:00Z", "2026-11-22T12:00:01Z"],
    ["waits", true, "2026-11-23T00:00:00Z", null],
    ["over", true, null, "2026-11-22T12:00:00Z"],
  ] as const)("%s: %s %s %s", (is, isEnabled, fromDate, toDate) => {
    expect(state({ isEnabled, fromDate, toDate }, now)).toBe(is);
  });
});

describe("quiet hours", () => {
  test.each([
    [true, "22:00", "07:00"],
    [true, "00:00", "23:59"],
    [false, "22:00", "22:00"],
    [false, "24:00", "07:00"],
    [false, "", "07:00"],
  ])("%s: %s to %s", (valid, from, to) => {
    expect(validHours({ from, to, timeZone: "Europe/Berlin" })).toBe(valid);
  });

  test("a zone that the browser does not know is kept", () => {
    expect(zones("Mars/Olympus")).toContain("Mars/Olympus");
    expect(validHours(defaultHours(""))).toBe(true);
  });
});

describe("contacts", () => {
  const person = (email: string, name: string, more: Partial<Contact> = {}) =>
    ({
      email,
      name,
      isBlocked: false,
      isAccepted: false,
      lastWritten: null,
      created: "2026-01-01T00:00:00Z",
      ...more,
    }) as Contact;
  const all = [
    person("ann@example.org", "Ann Müller", { lastWritten: "2026-02-01T00:00:00Z", isAccepted: true }),
    person("bob@example.org", "Bob"),
    person("spam@example.net", "", { isBlocked: true, lastWritten: "2026-03-01T00:00:00Z", isAccepted: true }),
  ];
  test.each([
    ["", "all", ["spam", "ann", "bob"]],
    ["mull", "all", ["ann"]],
    ["a muller", "all", ["ann"]],
    ["example.org", "all", ["ann", "bob"]],
    ["nobody", "all", []],
    ["", "blocked", ["spam"]],
    ["", "accepted", ["ann"]],
  ] as const)("%j among %s", (text, shown, found) => {
    expect(matching(all, text, shown).map((c) => c.email.split("@")[0])).toEqual(found);
  });
});

describe("another password", () => {
  const answers =
    (status: number, body: object = {}, headers = {}) =>
    async () =>
      new Response(JSON.stringify(body), { status, headers });
  test.each([
    [null, 200, {}],
    ["old", 403, { detail: "the old password is wrong" }],
    ["new", 400, { detail: "too short" }],
    ["all", 429, {}],
    ["all", 401, {}],
    ["all", 503, {}],
  ])("%s: %i", async (field, status, body) => {
    expect((await changePassword("a", "b", answers(status, body)))?.field ?? null).toBe(field);
  });

  test("no answer is no refusal", async () => {
    const gone = async () => Promise.reject(new TypeError("gone"));
    expect((await changePassword("a", "b", gone))?.field).toBe("all");
  });
});

test("quotas: the account's own, and others that are nearly full", () => {
  const quota = (
    used: number,
    hardLimit: number,
    scope: Quota["scope"],
    resourceType: Quota["resourceType"] = "octets",
  ) => ({ used, hardLimit, scope, resourceType }) as Quota;
  const all = [
    quota(1, 10, "account"),
    quota(1, 10, "domain"),
    quota(9, 10, "domain"),
    quota(1, 10, "account", "count"),
  ];
  expect(show(all)).toEqual([all[0], all[2]]);
  expect(percent(quota(1, 0, "account"))).toBe(0);
});
