import type { NotificationRules } from "../jmap/types";

type Hours = NonNullable<NotificationRules["quietHours"]>;

/** What most people mean by night, where this device is. */
export function defaultHours(zone = Intl.DateTimeFormat().resolvedOptions().timeZone): Hours {
  return { from: "22:00", to: "07:00", timeZone: zone || "UTC" };
}

const time = /^([01]\d|2[0-3]):[0-5]\d$/;

/** Whether the server will take them: two times that differ. A field that is half filled is empty. */
export function validHours(h: Hours): boolean {
  return time.test(h.from) && time.test(h.to) && h.from !== h.to && h.timeZone !== "";
}

/** The zones that the browser knows, and the one that is set, whatever it is. */
export function zones(current: string): string[] {
  const all = new Set(Intl.supportedValuesOf?.("timeZone") ?? []);
  return [...all.add(current).add("UTC")].sort();
}
