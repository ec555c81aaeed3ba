// Times, numbers and sizes as people of the locale write them. Everything follows the language that is shown, and the zone of the device.
import { locale } from "./index";

const made = new Map<string, Intl.DateTimeFormat>();

function dates(name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale.value} ${name}`;
  let format = made.get(key);
  if (!format) {
    format = new Intl.DateTimeFormat(locale.value, options);
    made.set(key, format);
  }
  return format;
}

const sameDay = (a: Date, b: Date) => a.toDateString() === b.toDateString();

/** As short as a list has room for: today the time, this year the day, before that the date. */
export function when(at: Date, now = new Date()): string {
  if (sameDay(at, now)) return dates("time", { hour: "numeric", minute: "2-digit" }).format(at);
  if (at.getFullYear() === now.getFullYear()) return dates("day", { day: "numeric", month: "short" }).format(at);
  return dates("date", { day: "2-digit", month: "2-digit", year: "2-digit" }).format(at);
}

/** Date and time in full, for whoever wants to know exactly. */
export function exactly(at: Date): string {
  return dates("full", { dateStyle: "full", timeStyle: "long" }).format(at);
}

/** Date and time, for a header or a menu. */
export function dateTime(at: Date): string {
  return dates("medium", {
    weekday: "short",
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "numeric",
    minute: "2-digit",
  }).format(at);
}

export function dayOf(at: Date): string {
  return dates("long day", { weekday: "long", day: "numeric", month: "long" }).format(at);
}

export function timeOf(at: Date): string {
  return dates("time", { hour: "numeric", minute: "2-digit" }).format(at);
}

/** A time to come, as short as a menu has room for: within six days the weekday and the time, else the day. */
export function soon(at: Date, now = new Date()): string {
  const near = at.getTime() - now.getTime() < 6 * 86_400_000;
  return near
    ? dates("soon", { weekday: "short", hour: "numeric", minute: "2-digit" }).format(at)
    : dates("day", { day: "numeric", month: "short" }).format(at);
}

/** "3 minutes ago", "in 2 days". */
export function relative(at: Date, now = new Date()): string {
  const seconds = (at.getTime() - now.getTime()) / 1000;
  const format = new Intl.RelativeTimeFormat(locale.value, { numeric: "auto" });
  for (const [unit, length] of [
    ["day", 86_400],
    ["hour", 3_600],
    ["minute", 60],
  ] as const) {
    if (Math.abs(seconds) >= length) return format.format(Math.trunc(seconds / length), unit);
  }
  return format.format(0, "minute");
}

export function number(n: number): string {
  return n.toLocaleString(locale.value);
}

/** A size in octets, in the units people know: powers of 1,000, two figures that count. */
export function size(octets: number): string {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;
  let at = 0;
  let n = octets;
  while (n >= 999.5 && at < units.length - 1) {
    n /= 1000;
    at++;
  }
  return new Intl.NumberFormat(locale.value, {
    style: "unit",
    unit: units[at]!,
    unitDisplay: "short",
    maximumFractionDigits: n < 10 && at > 0 ? 1 : 0,
  }).format(n);
}

/** "Ann, Bob and Zoe". */
export function list(names: readonly string[]): string {
  return new Intl.ListFormat(locale.value, { type: "conjunction" }).format(names);
}
