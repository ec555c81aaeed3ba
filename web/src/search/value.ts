// The values of operators: dates, ages and sizes, as people write them.

/** Days as "2026-11-22", "2026/11/22", "22.11.2026"; months and years as "2026-11" and "2026"; "today" and "yesterday". From, and up to. */
export function readDate(text: string, now: Date): [from: Date, to: Date] | null {
  const wanted = text.trim().toLowerCase();
  const today = (days: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days);
  if (wanted === "today") return [today(0), today(1)];
  if (wanted === "yesterday") return [today(-1), today(0)];
  const iso = /^(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?$/.exec(wanted);
  const continental = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(wanted);
  const american = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(wanted);
  if (iso) return period(iso[1], iso[2], iso[3]);
  if (continental) return period(continental[3], continental[2], continental[1]);
  return american ? period(american[3], american[1], american[2]) : null;
}

function period(year = "", month?: string, day?: string): [Date, Date] | null {
  const [y, m, d] = [Number(year), Number(month ?? 1) - 1, Number(day ?? 1)];
  const from = new Date(y, m, d);
  if (y < 1970 || from.getFullYear() !== y || from.getMonth() !== m || from.getDate() !== d) return null;
  return [from, day ? new Date(y, m, d + 1) : month ? new Date(y, m + 1, 1) : new Date(y + 1, 0, 1)];
}

/** "12h", "3d", "2w", "6m" (months), "1y" ago. */
export function readAge(text: string, now: Date): Date | null {
  const [, count = "", unit = ""] = /^(\d{1,4})\s*([hdwmy])$/.exec(text.trim().toLowerCase()) ?? [];
  const n = Number(count);
  const at = new Date(now);
  if (unit === "h") at.setHours(at.getHours() - n);
  else if (unit === "d") at.setDate(at.getDate() - n);
  else if (unit === "w") at.setDate(at.getDate() - 7 * n);
  else if (unit === "m") at.setMonth(at.getMonth() - n);
  else if (unit === "y") at.setFullYear(at.getFullYear() - n);
  else return null;
  return at;
}

const powers: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9 };

/** "500k", "10MB", "1.5 g", or octets. */
export function readSize(text: string): number | null {
  const read = /^(\d{1,12}(?:[.,]\d{1,3})?)\s*([kmg]?)b?$/.exec(text.trim().toLowerCase());
  if (!read) return null;
  const octets = Math.round(Number(read[1]!.replace(",", ".")) * powers[read[2]!]!);
  return Number.isSafeInteger(octets) ? octets : null;
}
