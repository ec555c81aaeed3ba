// What the list gives to other rooms, through app/ports.ts.
import { signal } from "@preact/signals";
import type { Id } from "../jmap/types";
import type { MailList } from "../model";

/** The list that is shown. */
export const offered = signal<MailList | null>(null);

/** The threads beside one in the list that is shown. */
export function neighbours(threadId: Id): { next: Id | null; previous: Id | null } {
  const list = offered.peek();
  const at = list?.indexOfThread(threadId) ?? -1;
  const thread = (i: number): Id | null => {
    if (!list || at < 0 || i < 0 || i >= (list.total.peek() ?? 0)) return null;
    const row = list.at(i);
    return row === "loading" ? null : row.threadId;
  };
  return { next: thread(at + 1), previous: thread(at - 1) };
}
