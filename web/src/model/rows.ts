// What a row of a list shows of a thread.

import type { Email, EmailAddress, Id } from "../jmap";
import type { Emails } from "./emails";
import type { Row } from "./types";

export interface RowPlace {
  readonly mailboxId?: Id | undefined;
  readonly collapse: boolean;
  /** The mailboxes whose emails are no part of a conversation that is seen elsewhere: trash and junk. */
  readonly aside: ReadonlySet<Id>;
}

/** undefined where something of it is not known yet. */
export function makeRow(emails: Emails, id: Id, place: RowPlace): Row | undefined {
  const email = emails.view(id);
  if (!email?.threadId || email.preview === undefined) return undefined;
  const all = place.collapse ? membersOf(emails, email, place) : [email];
  const inPlace = all.filter((e) => !place.mailboxId || (e.mailboxIds && place.mailboxId in e.mailboxIds));
  const whole = place.collapse ? emails.thread(email.threadId) : undefined;
  const unknown = whole ? whole.filter((other) => !emails.has(other) && !emails.isGone(other)).length : 0;
  return {
    emailId: id,
    threadId: email.threadId,
    email,
    emailIds: inPlace.map((e) => e.id),
    count: all.length + unknown,
    unread: all.filter(isUnread).length,
    flagged: all.some((e) => hasKeyword(e, "$flagged")),
    hasAttachment: all.some((e) => e.hasAttachment),
    muted: all.some((e) => hasKeyword(e, "$muted")),
    draft: all.some((e) => hasKeyword(e, "$draft")),
    participants: participantsOf(all),
    mailboxIds: [...new Set(all.flatMap((e) => Object.keys(e.mailboxIds ?? {})))],
  };
}

export const hasKeyword = (e: Email, keyword: string): boolean => !!e.keywords && keyword in e.keywords;
export const isUnread = (e: Email): boolean => !hasKeyword(e, "$seen") && !hasKeyword(e, "$draft");

/** The emails of the thread that are seen with one of them. */
function membersOf(emails: Emails, email: Email, place: RowPlace): Email[] {
  const ids = emails.thread(email.threadId!) ?? [];
  const all = (ids.includes(email.id) ? ids : [...ids, email.id]).flatMap((id) => emails.view(id) ?? []);
  if (place.mailboxId && place.aside.has(place.mailboxId))
    return all.filter((e) => place.mailboxId! in (e.mailboxIds ?? {}));
  const shown = all.filter((e) => e.id === email.id || !isAside(e, place.aside));
  return shown;
}

function isAside(e: Email, aside: ReadonlySet<Id>): boolean {
  const ids = Object.keys(e.mailboxIds ?? {});
  return ids.length > 0 && ids.every((id) => aside.has(id));
}

function participantsOf(emails: readonly Email[]): EmailAddress[] {
  const seen = new Map<string, EmailAddress>();
  for (const e of emails) {
    for (const a of e.from ?? []) {
      const key = a.email.toLowerCase();
      if (!seen.get(key)?.name) seen.set(key, a);
    }
  }
  return [...seen.values()];
}
