// Which messages of a conversation are open, which are a line, and which are folded away between the first and the newest ones.
import type { Email, Id } from "../../jmap";

/** A conversation of more closed messages than this is folded. */
const foldFrom = 6;
/** So many come out of the fold at a time. */
export const step = 50;

/** openAtFirst are the messages that are open when a conversation is: the newest, and what was not read. Of thousands unread, the newest. */
export function openAtFirst(emails: readonly Email[], most = 20): ReadonlySet<Id> {
  const open = new Set<Id>();
  for (const email of emails.toReversed()) {
    if (open.size >= most) break;
    if (open.size === 0 || isUnread(email)) open.add(email.id);
  }
  return open;
}

const isUnread = (e: Email) => !e.keywords?.$seen && !e.keywords?.$draft;

/** openAsTheyCome are those of the messages that were not there before that are opened: new ones, and what was not read. */
export function openAsTheyCome(emails: readonly Email[], known: ReadonlySet<Id>): readonly Id[] {
  const newest = emails.findLastIndex((e) => known.has(e.id));
  return emails.filter((e, i) => !known.has(e.id) && (i > newest || isUnread(e))).map((e) => e.id);
}

export interface Folded {
  before: readonly Email[];
  hidden: number;
  after: readonly Email[];
}

/** fold leaves the first message and those from the oldest open one on, with one before it; revealed more stand before them. */
export function fold(emails: readonly Email[], open: ReadonlySet<Id>, revealed: number): Folded {
  const firstOpen = emails.findIndex((e, i) => i > 0 && open.has(e.id));
  const last = firstOpen < 0 ? emails.length - 1 : firstOpen;
  const from = Math.max(1, last - 1 - revealed);
  if (from - 1 < foldFrom) return { before: [], hidden: 0, after: emails };
  return { before: emails.slice(0, 1), hidden: from - 1, after: emails.slice(from) };
}
