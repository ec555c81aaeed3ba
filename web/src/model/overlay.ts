// A list as it is seen: as the server said, with what was done and is not confirmed yet.

import type { Email, EmailFilter, Id } from "../jmap";
import type { Emails } from "./emails";
import { matches } from "./filter";
import type { Runs } from "./runs";

export interface OverlaySpec {
  readonly filter: EmailFilter | undefined;
  readonly order: ((a: Email, b: Email) => number) | undefined;
  readonly collapse: boolean;
}

export interface Seen {
  readonly runs: Runs;
  readonly total: number | undefined;
}

/** Neither base nor emails are changed. */
export function overlay(base: Runs, total: number | undefined, emails: Emails, spec: OverlaySpec): Seen {
  const units = unitsOf(emails, spec.collapse);
  if (units.size === 0) return { runs: base, total };
  const seen = new Overlay(base.clone(), total, emails, spec);
  const standing = new Map<Id, Id>();
  for (const [, id] of base.entries()) {
    const unit = spec.collapse ? emails.base(id)?.threadId : id;
    if (unit && units.has(unit)) standing.set(unit, id);
  }
  for (const [unit, members] of units) seen.settle(members, standing.get(unit));
  return { runs: seen.runs, total: seen.total };
}

/** What pending patches change, by what stands in the list: threads with all their emails, or emails. */
function unitsOf(emails: Emails, collapse: boolean): Map<Id, readonly Id[]> {
  const units = new Map<Id, readonly Id[]>();
  for (const id of emails.patched()) {
    const thread = collapse ? emails.base(id)?.threadId : undefined;
    if (!collapse) units.set(id, [id]);
    else if (thread && !units.has(thread)) units.set(thread, emails.thread(thread) ?? [id]);
  }
  return units;
}

class Overlay {
  constructor(
    readonly runs: Runs,
    public total: number | undefined,
    private readonly emails: Emails,
    private readonly spec: OverlaySpec,
  ) {}

  /** Puts a thread, or an email, where it stands now. was is what stands there for it by the server's word. */
  settle(members: readonly Id[], was: Id | undefined): void {
    const now = members.flatMap((id) => this.emails.view(id) ?? []);
    const found = now.filter((e) => matches(this.spec.filter, e, () => now) === true);
    if (this.spec.order) found.sort(this.spec.order);
    const best = this.spec.order ? found[0] : undefined;
    if (was !== undefined) this.#stood(was, best, now);
    else if (!this.#stoodElsewhere(members)) this.#came(best);
    else if (!best) this.#wentElsewhere(members);
  }

  #stood(was: Id, best: Email | undefined, now: readonly Email[]): void {
    const still = now.find((e) => e.id === was);
    const stands = still !== undefined && matches(this.spec.filter, still, () => now) !== false;
    if (stands && (!best || best.id === was || this.spec.order!(best, still) > 0)) return;
    this.runs.remove(new Set([was]));
    if (best) this.#place(best);
    else this.#count(-1);
  }

  #came(best: Email | undefined): void {
    if (!best) return;
    this.#place(best);
    this.#count(1);
  }

  /** Whether the server has it in a part of the list that is not loaded. */
  #stoodElsewhere(members: readonly Id[]): boolean {
    const before = members.flatMap((id) => this.emails.base(id) ?? []);
    return before.some((e) => matches(this.spec.filter, e, () => before) === true);
  }

  #wentElsewhere(members: readonly Id[]): void {
    const before = members.flatMap((id) => this.emails.base(id) ?? []);
    const stood = before.filter((e) => matches(this.spec.filter, e, () => before) === true);
    this.#count(-1);
    if (!this.spec.order) return;
    const first = stood.sort(this.spec.order)[0]!;
    const after = this.runs.runs.find((r) => this.#before(first, r.ids[0]!));
    if (after) this.runs.shift(after.start, -1);
  }

  #count(by: number): void {
    if (this.total !== undefined) this.total = Math.max(0, this.total + by);
  }

  /** Whether an email stands before another one. */
  #before(email: Email, id: Id): boolean {
    const other = this.emails.view(id) ?? this.emails.base(id);
    return other !== undefined && this.spec.order!(email, other) < 0;
  }

  #place(email: Email): void {
    for (const r of this.runs.runs) {
      const at = r.ids.findIndex((id) => this.#before(email, id));
      if (at < 0) continue;
      // Before the first of a run is in the gap in front of it, unless there is none.
      if (at === 0 && r.start > 0) this.runs.shift(r.start, 1);
      else this.runs.insert(r.start + at, email.id);
      return;
    }
    const last = this.runs.runs.at(-1);
    const end = last ? last.start + last.ids.length : 0;
    if (end === this.total) this.runs.set(end, [email.id]);
  }
}
