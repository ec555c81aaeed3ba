// Times that people send later at. They are of the device's zone.

export interface Choice {
  id: "laterToday" | "tomorrowMorning" | "tomorrowAfternoon" | "monday";
  at: Date;
}

const morning = 8;
const afternoon = 13;

/** What is offered at this moment, the next first. */
export function choices(now: Date): Choice[] {
  const at = (days: number, hour: number) => new Date(now.getFullYear(), now.getMonth(), now.getDate() + days, hour);
  const list: Choice[] = [];
  if (now.getHours() < 16) list.push({ id: "laterToday", at: at(0, Math.max(18, now.getHours() + 2)) });
  list.push({ id: "tomorrowMorning", at: at(1, morning) }, { id: "tomorrowAfternoon", at: at(1, afternoon) });
  const toMonday = (8 - now.getDay()) % 7 || 7;
  if (toMonday > 1) list.push({ id: "monday", at: at(toMonday, morning) });
  return list;
}

/** A time as <input type="datetime-local"> writes it. */
export function localInput(at: Date): string {
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

/** Why a time cannot be taken; null for one that can. */
export function wrongTime(at: Date, now: Date, maxSeconds: number): "past" | "far" | null {
  if (Number.isNaN(at.getTime()) || at.getTime() < now.getTime() + 30_000) return "past";
  return at.getTime() > now.getTime() + maxSeconds * 1000 - 60_000 ? "far" : null;
}
