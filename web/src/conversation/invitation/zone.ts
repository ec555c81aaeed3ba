// Times of iCalendar: dates, UTC, times of a zone that has a name everywhere (IANA) or that the calendar describes (VTIMEZONE), and times of nowhere.
import { type Component, first, type Property, param } from "./ical";

export interface Moment {
  at: Date; // of a date: its midnight here
  allDay: boolean;
  floating: boolean; // a time without a zone, or with one that nobody knows: taken as it is, here
}

interface Local {
  year: number;
  month: number; // 1 to 12
  day: number;
  hour: number;
  minute: number;
  second: number;
}

const minute = 60_000;

/** moment reads DTSTART and its like (RFC 5545 3.3.4, 3.3.5). */
export function moment(p: Property | undefined, calendar: Component): Moment | undefined {
  const m = /^(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?(Z?))?$/.exec(p?.value.trim() ?? "");
  if (!p || !m) return undefined;
  const [year, month, day, hour, min, second] = m.slice(1, 7).map((n) => Number(n ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const local: Local = { year, month, day, hour, minute: min, second };
  if (month < 1 || month > 12 || day < 1 || day > 31 || hour > 24 || min > 59 || second > 60) return undefined;
  if (m[4] === undefined) return { at: here(local), allDay: true, floating: true };
  if (m[7] === "Z") return { at: new Date(asUTC(local)), allDay: false, floating: false };
  const id = param(p, "TZID");
  const at = id === undefined ? undefined : (inNamed(local, id) ?? inDescribed(local, id, calendar));
  return at === undefined
    ? { at: here(local), allDay: false, floating: true }
    : { at: new Date(at), allDay: false, floating: false };
}

const asUTC = (l: Local) => Date.UTC(l.year, l.month - 1, l.day, l.hour, l.minute, l.second);
const here = (l: Local) => new Date(l.year, l.month - 1, l.day, l.hour, l.minute, l.second);

/** Zones that everybody knows by name. Some programs write a path before it: "/freeassociation.sourceforge.net/Europe/Berlin". */
function inNamed(local: Local, id: string): number | undefined {
  const names = [id, id.split("/").slice(-3).join("/"), id.split("/").slice(-2).join("/")];
  for (const name of names) {
    if (!/^[A-Za-z]+(?:\/[\w+-]+){1,2}$|^(?:UTC|GMT)$/.test(name)) continue;
    const format = formatIn(name);
    if (!format) continue;
    const wall = asUTC(local);
    // The offset before and after a change: the one that leads back to the same wall clock is right.
    const guess = wall - offsetAt(format, wall);
    return wall - offsetAt(format, guess);
  }
  return undefined;
}

function formatIn(zone: string): Intl.DateTimeFormat | undefined {
  try {
    return new Intl.DateTimeFormat("en-US-u-ca-gregory-nu-latn", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
  } catch {
    return undefined; // no such zone
  }
}

function offsetAt(format: Intl.DateTimeFormat, at: number): number {
  const parts = Object.fromEntries(format.formatToParts(at).map((p) => [p.type, Number(p.value)])) as unknown as Local;
  return asUTC(parts) - Math.floor(at / 1000) * 1000;
}

/** Zones that stand in the calendar (RFC 5545 3.6.5): of all changes before a time the last one says how far from UTC it is. */
function inDescribed(local: Local, id: string, calendar: Component): number | undefined {
  const zone = calendar.components.find((c) => c.name === "VTIMEZONE" && first(c, "TZID")?.value.trim() === id.trim());
  if (!zone) return undefined;
  const wall = asUTC(local);
  let best: { since: number; offset: number } | undefined;
  let earliest: { since: number; before: number } | undefined;
  for (const c of zone.components) {
    const to = offset(first(c, "TZOFFSETTO")?.value);
    const from = offset(first(c, "TZOFFSETFROM")?.value);
    if (to === undefined) continue;
    for (const since of onsets(c, local.year)) {
      if (!earliest || since < earliest.since) earliest = { since, before: from ?? to };
      if (since <= wall && (!best || since > best.since)) best = { since, offset: to };
    }
  }
  const found = best?.offset ?? earliest?.before;
  return found === undefined ? undefined : wall - found;
}

function offset(value: string | undefined): number | undefined {
  const m = /^([+-])(\d\d)(\d\d)(\d\d)?$/.exec(value?.trim() ?? "");
  if (!m) return undefined;
  return (m[1] === "-" ? -1 : 1) * ((Number(m[2]) * 60 + Number(m[3])) * minute + Number(m[4] ?? 0) * 1000);
}

/** When a change comes into force, as the clocks on the wall show it: in its first year, and in this year and the one before. */
function onsets(c: Component, year: number): number[] {
  const m = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)?/.exec(first(c, "DTSTART")?.value ?? "");
  if (!m) return [];
  const [startYear, month, day, hour, min] = m.slice(1, 6).map(Number) as [number, number, number, number, number];
  const begin = Date.UTC(startYear, month - 1, day, hour, min);
  const out = [begin];
  const dates = c.properties.filter((p) => p.name === "RDATE").flatMap((p) => p.value.split(","));
  for (const date of dates.slice(0, 500)) {
    const d = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)/.exec(date);
    if (d) out.push(Date.UTC(Number(d[1]), Number(d[2]) - 1, Number(d[3]), Number(d[4]), Number(d[5])));
  }
  const rule = ruleParts(first(c, "RRULE")?.value ?? "");
  if (rule.get("FREQ") !== "YEARLY") return out;
  const until = /^(\d{4})/.exec(rule.get("UNTIL") ?? "");
  for (const y of [year - 1, year]) {
    if (y < startYear || (until && y > Number(until[1]))) continue;
    const inMonth = Number(rule.get("BYMONTH") ?? month);
    const on = dayOfRule(rule, y, inMonth, day);
    const at = Date.UTC(y, inMonth - 1, on, hour, min);
    if (at >= begin) out.push(at);
  }
  return out;
}

function dayOfRule(rule: ReadonlyMap<string, string>, year: number, month: number, day: number): number {
  const by = /^([+-]?\d)?(SU|MO|TU|WE|TH|FR|SA)$/.exec(rule.get("BYDAY") ?? "");
  if (!by) return Number(rule.get("BYMONTHDAY")?.split(",")[0] ?? day);
  const wanted = weekdays.indexOf(by[2]!);
  const length = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const nth = Number(by[1] ?? 1);
  if (nth < 0) {
    const last = new Date(Date.UTC(year, month - 1, length)).getUTCDay();
    return length - ((last - wanted + 7) % 7) + (nth + 1) * 7;
  }
  const earliest = Math.min(...(rule.get("BYMONTHDAY") ?? "1").split(",").map(Number));
  const begins = new Date(Date.UTC(year, month - 1, earliest)).getUTCDay();
  return earliest + ((wanted - begins + 7) % 7) + (nth - 1) * 7;
}

export const weekdays = ["SU", "MO", "TU", "WE", "TH", "FR", "SA"];

/** The parts of a recurrence rule (RFC 5545 3.3.10). */
export function ruleParts(value: string): ReadonlyMap<string, string> {
  return new Map(
    value
      .toUpperCase()
      .split(";")
      .map((part) => part.split("=", 2) as [string, string])
      .filter((pair) => pair.length === 2),
  );
}
