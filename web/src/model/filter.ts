// Whether an email is what a list shows, and where it stands, as far as that can be told here: so that what was done is seen at once.

import type { Comparator, Email, EmailCondition, EmailFilter, Id } from "../jmap";

/** undefined: only the server can tell. */
export type Verdict = boolean | undefined;

/** The emails of the thread of an email, itself among them. */
type ThreadOf = (email: Email) => readonly Email[];

export function matches(filter: EmailFilter | undefined, email: Email, threadOf: ThreadOf): Verdict {
  if (!filter) return true;
  if ("operator" in filter) {
    const all = filter.conditions.map((c) => matches(c, email, threadOf));
    switch (filter.operator) {
      case "AND":
        return every(all);
      case "OR":
        return some(all);
      default: // NOT: none of them (RFC 8620 5.5)
        return not(some(all));
    }
  }
  return every(Object.keys(filter).map((name) => condition(name as keyof EmailCondition, filter, email, threadOf)));
}

const not = (v: Verdict): Verdict => (v === undefined ? undefined : !v);
const every = (all: Verdict[]): Verdict => (all.includes(false) ? false : all.includes(undefined) ? undefined : true);
const some = (all: Verdict[]): Verdict => (all.includes(true) ? true : all.includes(undefined) ? undefined : false);

const has = (email: Email, keyword: string): Verdict => email.keywords && keyword.toLowerCase() in email.keywords;
const isIn = (email: Email, id: Id): Verdict => email.mailboxIds && id in email.mailboxIds;
/** In whole seconds, as the server has them. */
const time = (date: string) => Math.floor(Date.parse(date) / 1000);

function condition(name: keyof EmailCondition, c: EmailCondition, email: Email, threadOf: ThreadOf): Verdict {
  switch (name) {
    case "inMailbox":
      return isIn(email, c.inMailbox!);
    case "inMailboxOtherThan":
      return email.mailboxIds && Object.keys(email.mailboxIds).some((id) => !c.inMailboxOtherThan!.includes(id));
    case "hasKeyword":
      return has(email, c.hasKeyword!);
    case "notKeyword":
      return not(has(email, c.notKeyword!));
    case "someInThreadHaveKeyword":
      return some(threadOf(email).map((e) => has(e, c.someInThreadHaveKeyword!)));
    case "allInThreadHaveKeyword":
      return every(threadOf(email).map((e) => has(e, c.allInThreadHaveKeyword!)));
    case "noneInThreadHaveKeyword":
      return not(some(threadOf(email).map((e) => has(e, c.noneInThreadHaveKeyword!))));
    case "before":
      return email.receivedAt === undefined ? undefined : time(email.receivedAt) < time(c.before!);
    case "after":
      return email.receivedAt === undefined ? undefined : time(email.receivedAt) >= time(c.after!);
    case "hasAttachment":
      return email.hasAttachment === undefined ? undefined : email.hasAttachment === c.hasAttachment;
    case "minSize":
      return email.size === undefined ? undefined : email.size >= c.minSize!;
    case "maxSize":
      return email.size === undefined ? undefined : email.size < c.maxSize!;
    default: // texts
      return undefined;
  }
}

export const newestFirst: readonly Comparator[] = [{ property: "receivedAt", isAscending: false }];

/** The order of a sort; undefined where only the server knows it. Emails that compare the same are in the order of their ids. */
export function order(sort: readonly Comparator[]): ((a: Email, b: Email) => number) | undefined {
  const value: Readonly<Record<string, (e: Email) => number>> = {
    receivedAt: (e) => Date.parse(e.receivedAt ?? "") || 0,
    size: (e) => e.size ?? 0,
  };
  const keys = sort.map((c) => ({ of: value[c.property], sign: c.isAscending === false ? -1 : 1 }));
  if (keys.some((k) => !k.of)) return undefined;
  const direction = keys[0]?.sign ?? -1;
  return (a, b) => {
    for (const k of keys) {
      const d = k.of!(a) - k.of!(b);
      if (d !== 0) return k.sign * d;
    }
    return direction * compareIds(a.id, b.id);
  };
}

/** Ids are numbers to the base 36 behind a letter: the longer one is the larger. */
function compareIds(a: Id, b: Id): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}
