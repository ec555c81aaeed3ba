import type { UTCDate, VacationResponse } from "../jmap/types";

const two = (n: number) => String(n).padStart(2, "0");

/** The day of a date as a date field has it, in the zone of this device. */
export function inputOf(date: UTCDate | null): string {
  const at = new Date(date ?? "");
  if (Number.isNaN(at.getTime())) return "";
  return `${String(at.getFullYear()).padStart(4, "0")}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
}

/** The first or the last second of a day here, as the server keeps it (RFC 8620 1.4); null for no day. */
export function utcOf(input: string, which: "start" | "end"): UTCDate | null {
  const [, year, month, date] = /^(\d{4})-(\d\d)-(\d\d)$/.exec(input)?.map(Number) ?? [];
  if (!year || !month || !date) return null;
  const at = which === "start" ? new Date(year, month - 1, date) : new Date(year, month - 1, date, 23, 59, 59);
  return at.toISOString().replace(/\.\d+Z$/, "Z");
}

/** What the vacation response does now. */
export function state(
  v: Pick<VacationResponse, "isEnabled" | "fromDate" | "toDate">,
  now = new Date(),
): "off" | "on" | "waits" | "over" {
  if (!v.isEnabled) return "off";
  if (v.fromDate && new Date(v.fromDate) > now) return "waits";
  if (v.toDate && new Date(v.toDate) <= now) return "over";
  return "on";
}
