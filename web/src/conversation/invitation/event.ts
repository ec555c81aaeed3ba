// An invitation as it came by mail (RFC 5546, RFC 6047): what is asked or told, and about which event.
import { type Component, first, type Property, param, parse, text } from "./ical";
import { type Moment, moment, ruleParts } from "./zone";

export type Method = "REQUEST" | "CANCEL" | "REPLY" | "PUBLISH" | "COUNTER" | "OTHER";
export type Answer = "ACCEPTED" | "TENTATIVE" | "DECLINED";

export interface Person {
  email: string;
  name: string;
  status: string; // PARTSTAT: NEEDS-ACTION, ACCEPTED, ...
  optional: boolean;
  property: Property;
}

export interface CalendarEvent {
  method: Method;
  uid: string;
  sequence: number;
  summary: string;
  description: string;
  location: string;
  start?: Moment;
  end?: Moment;
  rule?: ReadonlyMap<string, string>; // of what comes again
  occurrence?: Moment; // RECURRENCE-ID: one of those is meant
  cancelled: boolean;
  organizer?: Person;
  attendees: Person[];
  comment: string;
  source: Component; // the VEVENT
  zones: readonly Component[]; // the VTIMEZONEs beside it
}

const maxAttendees = 2000;

/** readEvent reads the event of a text/calendar part; undefined: there is none that one could show. */
export function readEvent(ics: string, methodOfPart?: string | null): CalendarEvent | undefined {
  const calendar = parse(ics);
  const events = calendar?.components.filter((c) => c.name === "VEVENT") ?? [];
  const event = events.find((c) => !first(c, "RECURRENCE-ID")) ?? events[0];
  if (!calendar || !event) return undefined;
  const uid = first(event, "UID")?.value.trim();
  if (!uid) return undefined;
  const method = methodOf(first(calendar, "METHOD")?.value ?? methodOfPart ?? "PUBLISH");
  const start = moment(first(event, "DTSTART"), calendar);
  const end = moment(first(event, "DTEND"), calendar) ?? after(start, first(event, "DURATION")?.value);
  const rule = first(event, "RRULE")?.value;
  const occurrence = moment(first(event, "RECURRENCE-ID"), calendar);
  const organizer = person(first(event, "ORGANIZER"));
  return {
    method,
    uid,
    sequence: Number.parseInt(first(event, "SEQUENCE")?.value ?? "0", 10) || 0,
    summary: textOf(event, "SUMMARY"),
    description: textOf(event, "DESCRIPTION"),
    location: textOf(event, "LOCATION"),
    comment: textOf(event, "COMMENT"),
    ...(start && { start }),
    ...(end && { end }),
    ...(rule && { rule: ruleParts(rule) }),
    ...(occurrence && { occurrence }),
    ...(organizer && { organizer }),
    cancelled: method === "CANCEL" || first(event, "STATUS")?.value.trim().toUpperCase() === "CANCELLED",
    attendees: event.properties
      .filter((p) => p.name === "ATTENDEE")
      .slice(0, maxAttendees)
      .map(person)
      .filter((p) => p !== undefined),
    source: event,
    zones: calendar.components.filter((c) => c.name === "VTIMEZONE"),
  };
}

function methodOf(value: string): Method {
  const name = value.trim().toUpperCase();
  return (["REQUEST", "CANCEL", "REPLY", "PUBLISH", "COUNTER"] as const).find((m) => m === name) ?? "OTHER";
}

function textOf(event: Component, name: string): string {
  return text(first(event, name)?.value ?? "")
    .trim()
    .slice(0, 20_000);
}

function person(p: Property | undefined): Person | undefined {
  const email = /^mailto:(.+)$/i.exec(p?.value.trim() ?? "")?.[1] ?? param(p, "EMAIL");
  if (!p || !email?.includes("@")) return undefined;
  return {
    email: decode(email),
    name: param(p, "CN") ?? "",
    status: (param(p, "PARTSTAT") ?? "NEEDS-ACTION").toUpperCase(),
    optional: ["OPT-PARTICIPANT", "NON-PARTICIPANT"].includes((param(p, "ROLE") ?? "").toUpperCase()),
    property: p,
  };
}

function decode(s: string): string {
  try {
    return decodeURIComponent(s);
  } catch {
    return s;
  }
}

/** The end by a duration (RFC 5545 3.3.6); without one, a date lasts its day (3.6.1). */
function after(start: Moment | undefined, duration: string | undefined): Moment | undefined {
  if (!start) return undefined;
  const m = /^\+?P(?:(\d+)W|(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?)$/.exec(duration?.trim() ?? "");
  if (!m) {
    if (!start.allDay) return undefined;
    const next = new Date(start.at);
    next.setDate(next.getDate() + 1);
    return { ...start, at: next };
  }
  const [weeks, days, hours, minutes, seconds] = m.slice(1, 6).map((n) => Number(n ?? 0)) as [
    number,
    number,
    number,
    number,
    number,
  ];
  const at = new Date(start.at);
  at.setDate(at.getDate() + weeks * 7 + days);
  return { ...start, at: new Date(at.getTime() + ((hours * 60 + minutes) * 60 + seconds) * 1000) };
}
