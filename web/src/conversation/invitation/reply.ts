// The answer to an invitation: an iTIP REPLY (RFC 5546 3.2.3), sent as mail (RFC 6047 2.4).
import type { Answer, CalendarEvent } from "./event";
import { type Component, first, type Property, write } from "./ical";

/** reply is the calendar that answers. me is the attendee's address as the invitation has it, where it has one. */
export function reply(
  event: CalendarEvent,
  me: { email: string; name: string },
  answer: Answer,
  now = new Date(),
): string {
  const invited = event.attendees.find((a) => same(a.email, me.email));
  const attendee: Property = {
    name: "ATTENDEE",
    params: new Map([
      ["PARTSTAT", [answer]],
      ...(invited?.name || me.name ? [["CN", [invited?.name || me.name]] as [string, string[]]] : []),
    ]),
    value: invited?.property.value.trim() ?? `mailto:${me.email}`,
  };
  // RFC 5546 3.2.3: UID, SEQUENCE, ORGANIZER and RECURRENCE-ID are those of the request; DTSTAMP is when it is answered.
  const kept = ["UID", "SEQUENCE", "RECURRENCE-ID", "ORGANIZER", "DTSTART", "DTEND", "DURATION", "SUMMARY"];
  const lines = kept.map((name) => first(event.source, name)).filter((p) => p !== undefined);
  return [
    "BEGIN:VCALENDAR\r\n",
    write(plain("PRODID", "-//Mailmesh//Web client//EN")),
    write(plain("VERSION", "2.0")),
    write(plain("METHOD", "REPLY")),
    ...zonesOf(lines, event),
    "BEGIN:VEVENT\r\n",
    ...lines.map(write),
    write(plain("DTSTAMP", stamp(now))),
    write(attendee),
    "END:VEVENT\r\n",
    "END:VCALENDAR\r\n",
  ].join("");
}

function plain(name: string, value: string): Property {
  return { name, params: new Map(), value };
}

// RFC 5545 3.6.5: a time with a TZID needs its VTIMEZONE beside it.
function zonesOf(lines: readonly Property[], event: CalendarEvent): string[] {
  const used = new Set(lines.flatMap((p) => p.params.get("TZID") ?? []));
  return event.zones.filter((z) => used.has(first(z, "TZID")?.value.trim() ?? "")).map(writeComponent);
}

function writeComponent(c: Component): string {
  return `BEGIN:${c.name}\r\n${c.properties.map(write).join("")}${c.components.map(writeComponent).join("")}END:${c.name}\r\n`;
}

function stamp(at: Date): string {
  return at.toISOString().replace(/[-:]|\.\d+/g, "");
}

export function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}
