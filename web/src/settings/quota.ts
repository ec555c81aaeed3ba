import type { Quota } from "../jmap/types";

/** How full it is, in hundredths. */
export function percent(q: Pick<Quota, "used" | "hardLimit">): number {
  return q.hardLimit > 0 ? (q.used / q.hardLimit) * 100 : 0;
}

/** The limits that a user has to know: those of the account, and others where they are nearly reached. */
export function show(all: readonly Quota[]): Quota[] {
  return all.filter((q) => (q.scope === "account" && q.resourceType === "octets") || percent(q) >= 90);
}
