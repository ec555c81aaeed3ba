// Which list is shown, by where one is in the program.
import { signal } from "@preact/signals";
import { act } from "../app/ports";
import type { Route } from "../app/route";
import type { Comparator, Mailbox, Role } from "../jmap/types";
import type { ListSpec, Mail } from "../model";

export type Order = "newest" | "oldest" | "from" | "largest" | "unread";

const newest: Comparator = { property: "receivedAt", isAscending: false };

export const orders: Readonly<Record<Order, readonly Comparator[]>> = {
  newest: [newest],
  oldest: [{ property: "receivedAt", isAscending: true }],
  from: [{ property: "from", isAscending: true }, newest],
  largest: [{ property: "size", isAscending: false }, newest],
  unread: [{ property: "hasKeyword", keyword: "$seen", isAscending: true }, newest],
};

/** The order that lists are shown in. */
export const order = signal<Order>("newest");

export interface Shown {
  spec: ListSpec;
  mailbox?: Mailbox;
  priority: boolean;
  query?: string;
  problems: readonly string[];
}

/** What a route shows; null: a mailbox that there is not. */
export function shownBy(route: Route, mail: Mail): Shown | null {
  const sort = order.value === "newest" ? {} : { sort: orders[order.value] };
  if (route.view === "search") {
    const found = act("asFilter")(route.query, mail.mailboxes.value);
    if (!found) return null;
    const { filter, mailboxId, problems } = found;
    const spec = { filter, ...(mailboxId && { mailboxId }), ...sort };
    return { spec, priority: false, query: route.query, problems };
  }
  const priority = route.view === "priority";
  const box = priority ? "inbox" : route.box;
  const mailbox = mail.mailboxById(box) ?? mail.mailboxByRole(box as Role);
  if (!mailbox) return null;
  return { spec: { mailboxId: mailbox.id, ...(priority && { priority }), ...sort }, mailbox, priority, problems: [] };
}

/** How a mailbox is called in an address: by its role, where it has one. */
export function boxOf(mailbox: Mailbox): string {
  return mailbox.role ?? mailbox.id;
}
