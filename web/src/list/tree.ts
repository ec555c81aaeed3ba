// The mailboxes as they are shown in the pane of folders.
import type { Id, Mailbox, Role } from "../jmap/types";

export interface Branch {
  mailbox: Mailbox;
  below: Branch[];
}

/** Mailboxes with a role come first, in the order that people know. */
const order: readonly Role[] = [
  "inbox",
  "flagged",
  "important",
  "snoozed",
  "drafts",
  "scheduled",
  "sent",
  "archive",
  "all",
  "junk",
  "trash",
];

/** Those with roles, and the tree of the others. What lies below one with a role is in the tree, as is what lies below nothing known. */
export function grow(
  mailboxes: readonly Mailbox[],
  compare: (a: string, b: string) => number,
): { known: Mailbox[]; tree: Branch[] } {
  const known = mailboxes.filter((m) => m.role && order.includes(m.role));
  known.sort((a, b) => order.indexOf(a.role!) - order.indexOf(b.role!));
  const others = mailboxes.filter((m) => !known.includes(m));
  const branches = new Map(others.map((mailbox) => [mailbox.id, { mailbox, below: [] as Branch[] }]));
  const tree: Branch[] = [];
  for (const branch of branches.values()) {
    const above = branch.mailbox.parentId ? branches.get(branch.mailbox.parentId) : undefined;
    if (above && !isBelow(above.mailbox, branch.mailbox.id, mailboxes)) above.below.push(branch);
    else tree.push(branch);
  }
  const sort = (list: Branch[]) => {
    list.sort((a, b) => a.mailbox.sortOrder - b.mailbox.sortOrder || compare(a.mailbox.name, b.mailbox.name));
    for (const b of list) sort(b.below);
  };
  sort(tree);
  return { known, tree };
}

/** Whether a mailbox lies below another one, or is it. */
export function isBelow(mailbox: Mailbox, id: Id, mailboxes: readonly Mailbox[]): boolean {
  let at: Mailbox | undefined = mailbox;
  for (let depth = 0; at && depth < 100; depth++) {
    if (at.id === id) return true;
    const above: Id | null = at.parentId;
    at = above ? mailboxes.find((m) => m.id === above) : undefined;
  }
  return false;
}

export interface Line {
  mailbox: Mailbox;
  depth: number;
  leaf: boolean;
}

/** The tree as lines, without what lies below those that are folded. */
export function lines(tree: readonly Branch[], folded: ReadonlySet<Id>, depth = 0): Line[] {
  return tree.flatMap((b) => [
    { mailbox: b.mailbox, depth, leaf: b.below.length === 0 },
    ...(folded.has(b.mailbox.id) ? [] : lines(b.below, folded, depth + 1)),
  ]);
}

/** The number beside a mailbox: what waits there. In drafts and outgoing mail that is all of it; nobody counts what he has sent or thrown away. */
export function countOf(m: Mailbox): number {
  if (m.role === "drafts" || m.role === "scheduled") return m.totalEmails;
  if (m.role === "sent" || m.role === "trash" || m.role === "snoozed") return 0;
  return m.unreadThreads;
}
