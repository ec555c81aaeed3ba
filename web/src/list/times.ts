// The times that mail is snoozed to.

export interface Time {
  key: "list.laterToday" | "list.tomorrow" | "list.weekend" | "list.nextWeek" | "list.nextMonth";
  at: Date;
}

const morning = 8;
const evening = 18;

/** The times to choose from, the next first. weekend: its first day, 0 is Sunday (of Intl.Locale: 7). */
export function times(now: Date, weekend = 6, monday = 1): Time[] {
  const day = (days: number, hour: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const until = (weekday: number) => (weekday - now.getDay() + 7) % 7 || 7;
  const list: Time[] = [];
  const later = laterToday(now);
  if (later) list.push({ key: "list.laterToday", at: later });
  list.push({ key: "list.tomorrow", at: day(1, morning) });
  // On a Friday the weekend is tomorrow; at the weekend it has begun.
  const days = until(weekend);
  if (days > 1 && days < 6) list.push({ key: "list.weekend", at: day(days, morning) });
  if (until(monday) > 1) list.push({ key: "list.nextWeek", at: day(until(monday), morning) });
  list.push({ key: "list.nextMonth", at: new Date(now.getFullYear(), now.getMonth() + 1, 1, morning) });
  return list;
}

/** In the evening, or in three hours; nothing when the day is over by then. */
function laterToday(now: Date): Date | null {
  const at = new Date(now);
  if (now.getHours() < evening - 3) at.setHours(evening, 0, 0, 0);
  else at.setHours(now.getHours() + 3, 0, 0, 0);
  return at.getDate() === now.getDate() ? at : null;
}

/** The days on which week and weekend begin where the language is spoken (Intl.Locale, where the browser knows it). */
export function week(tag: string): { weekend: number; monday: number } {
  const locale = new Intl.Locale(tag).maximize() as Intl.Locale & {
    getWeekInfo?: () => { firstDay: number; weekend: number[] };
    weekInfo?: { firstDay: number; weekend: number[] };
  };
  const info = locale.getWeekInfo?.() ?? locale.weekInfo;
  const weekend = (info?.weekend[0] ?? 6) % 7;
  // Weeks of work begin after the weekend, wherever calendars let them begin.
  return { weekend, monday: ((info?.weekend.at(-1) ?? 7) % 7) + 1 === 7 ? 0 : ((info?.weekend.at(-1) ?? 7) % 7) + 1 };
}

/** A time in the zone of the device, as <input type="datetime-local"> has it. */
export function localValue(at: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}T${two(at.getHours())}:${two(at.getMinutes())}`;
}
