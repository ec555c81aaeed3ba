import { describe, expect, test } from "vitest";
import { readEvent } from "./event";
import { parse, write } from "./ical";
import { reply } from "./reply";

const lines = (...all: string[]) => `${all.join("\r\n")}\r\n`;
const calendar = (...event: string[]) =>
  lines(
    "BEGIN:VCALENDAR",
    "METHOD:REQUEST",
    ...event.filter((l) => l.startsWith("Z:")).map((l) => l.slice(2)),
    "BEGIN:VEVENT",
    "UID:u@example.org",
    ...event.filter((l) => !l.startsWith("Z:")),
    "END:VEVENT",
    "END:VCALENDAR",
  );
const start = (...event: string[]) => readEvent(calendar(...event))?.start?.at.toISOString();

const described = [
  "BEGIN:VTIMEZONE",
  "TZID:Customized Zone",
  "BEGIN:STANDARD",
  "DTSTART:16010101T030000",
  "TZOFFSETFROM:+0200",
  "TZOFFSETTO:+0100",
  "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=10",
  "END:STANDARD",
  "BEGIN:DAYLIGHT",
  "DTSTART:16010101T020000",
  "TZOFFSETFROM:+0100",
  "TZOFFSETTO:+0200",
  "RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=-1SU;BYMONTH=3",
  "END:DAYLIGHT",
  "END:VTIMEZONE",
].map((l) => `Z:${l}`);

describe("lines of a calendar", () => {
  test("are unfolded, with quoted parameters and escaped text", () => {
    const c = parse(
      'BEGIN:VCALENDAR\nBEGIN:VEVENT\nATTENDEE;CN="Doe; Ann";X="a",b:mail\n to:ann@example.org\nSUMMARY:a\\, b\\nc\nEND:VEVENT\nEND:VCALENDAR\n',
    );
    const p = c?.components[0]?.properties[0];
    expect([p?.value, p?.params.get("CN"), p?.params.get("X")]).toEqual([
      "mailto:ann@example.org",
      ["Doe; Ann"],
      ["a", "b"],
    ]);
  });

  test("are folded at 75 octets, and come back as they were", () => {
    const value = "ü".repeat(200);
    const written = write({ name: "SUMMARY", params: new Map([["X", ['a;"b"']]]), value });
    for (const line of written.split("\r\n")) expect(new TextEncoder().encode(line).length).toBeLessThanOrEqual(75);
    const p = parse(`BEGIN:VCALENDAR\r\n${written}END:VCALENDAR`)?.properties[0];
    expect([p?.value, p?.params.get("X")]).toEqual([value, ['a;"b"']]);
  });

  test.each([
    "",
    "BEGIN:VCALENDAR",
    "END:VCALENDAR",
    "BEGIN:VEVENT\nEND:VEVENT",
    "BEGIN:A\n".repeat(100),
    ":".repeat(10_000),
  ])("%.20j is no event", (ics) => {
    expect(readEvent(ics)).toBeUndefined();
  });
});

describe("times", () => {
  test("in UTC", () => expect(start("DTSTART:20260701T120000Z")).toBe("2026-07-01T12:00:00.000Z"));
  test("in a zone that everybody knows, in summer and in winter", () => {
    expect(start("DTSTART;TZID=Europe/Berlin:20260701T120000")).toBe("2026-07-01T10:00:00.000Z");
    expect(start("DTSTART;TZID=America/New_York:20260115T090000")).toBe("2026-01-15T14:00:00.000Z");
    expect(start("DTSTART;TZID=/x.org/2020/Asia/Kolkata:20260115T090000")).toBe("2026-01-15T03:30:00.000Z");
  });
  test("beside a change of the clocks", () => {
    expect(start("DTSTART;TZID=Europe/Berlin:20260329T013000")).toBe("2026-03-29T00:30:00.000Z");
    expect(start("DTSTART;TZID=Europe/Berlin:20260329T033000")).toBe("2026-03-29T01:30:00.000Z");
  });
  test("in a zone that the calendar describes", () => {
    expect(start(...described, "DTSTART;TZID=Customized Zone:20260701T120000")).toBe("2026-07-01T10:00:00.000Z");
    expect(start(...described, "DTSTART;TZID=Customized Zone:20260101T120000")).toBe("2026-01-01T11:00:00.000Z");
    expect(start(...described, "DTSTART;TZID=Customized Zone:20261025T120000")).toBe("2026-10-25T11:00:00.000Z");
    expect(start(...described, "DTSTART;TZID=Customized Zone:20261024T120000")).toBe("2026-10-24T10:00:00.000Z");
  });
  test("in a zone that nobody knows are taken as they are", () => {
    expect(readEvent(calendar("DTSTART;TZID=Nowhere:20260701T120000"))?.start).toMatchObject({
      floating: true,
      allDay: false,
    });
  });
  test("of a day", () => {
    const e = readEvent(calendar("DTSTART;VALUE=DATE:20260701"));
    expect([e?.start?.allDay, e?.start?.at.getDate(), e?.end?.at.getDate()]).toEqual([true, 1, 2]);
  });
  test("with a duration", () => {
    expect(readEvent(calendar("DTSTART:20260701T120000Z", "DURATION:P1DT1H30M"))?.end?.at.toISOString()).toBe(
      "2026-07-02T13:30:00.000Z",
    );
  });
});

describe("an event", () => {
  const asked = calendar(
    ...described,
    "SEQUENCE:3",
    "SUMMARY:Lunch\\, again",
    "DTSTART;TZID=Customized Zone:20260701T120000",
    "ORGANIZER;CN=Bob:mailto:bob@example.org",
    "ATTENDEE;CN=Ann;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:MAILTO:Ann@Example.org",
    "ATTENDEE;ROLE=OPT-PARTICIPANT;PARTSTAT=ACCEPTED:mailto:cy@example.org",
    "RRULE:FREQ=WEEKLY;BYDAY=MO,WE",
  );
  test("says who, what and how often", () => {
    const e = readEvent(asked)!;
    expect(e).toMatchObject({
      method: "REQUEST",
      sequence: 3,
      summary: "Lunch, again",
      organizer: { email: "bob@example.org", name: "Bob" },
    });
    expect(e.attendees.map((a) => [a.email, a.status, a.optional])).toEqual([
      ["Ann@Example.org", "NEEDS-ACTION", false],
      ["cy@example.org", "ACCEPTED", true],
    ]);
    expect(e.rule?.get("BYDAY")).toBe("MO,WE");
  });

  test("is answered by a REPLY with one attendee", () => {
    const text = reply(
      readEvent(asked)!,
      { email: "ann@example.org", name: "Ann Doe" },
      "TENTATIVE",
      new Date("2026-06-01T10:00:00Z"),
    );
    const answer = readEvent(text)!;
    expect(answer).toMatchObject({
      method: "REPLY",
      uid: "u@example.org",
      sequence: 3,
      organizer: { email: "bob@example.org" },
    });
    expect(answer.attendees.map((a) => [a.email, a.name, a.status])).toEqual([["Ann@Example.org", "Ann", "TENTATIVE"]]);
    expect(answer.start?.at.toISOString()).toBe("2026-07-01T10:00:00.000Z");
    expect(text).toContain("DTSTAMP:20260601T100000Z\r\n");
    expect(text).toContain("BEGIN:VTIMEZONE\r\nTZID:Customized Zone\r\n");
  });

  test("that is cancelled says so", () => {
    expect(readEvent(asked.replace("METHOD:REQUEST", "METHOD:CANCEL"))?.cancelled).toBe(true);
    expect(readEvent(calendar("STATUS:CANCELLED"))?.cancelled).toBe(true);
  });
});
