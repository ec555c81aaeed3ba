// What is called how.
import { type Key, t } from "../i18n";
import type { EmailAddress, Mailbox, Role } from "../jmap/types";
import type { Row } from "../model";
import { shownName } from "../safe/names";
import type { IconName } from "../ui";

const roles: Readonly<Partial<Record<Role, { text: Key; icon: IconName }>>> = {
  inbox: { text: "list.roleInbox", icon: "inbox" },
  flagged: { text: "list.roleFlagged", icon: "star" },
  important: { text: "list.roleImportant", icon: "important" },
  snoozed: { text: "list.roleSnoozed", icon: "snooze" },
  drafts: { text: "list.roleDrafts", icon: "draft" },
  scheduled: { text: "list.roleScheduled", icon: "clock" },
  sent: { text: "list.roleSent", icon: "send" },
  archive: { text: "list.roleArchive", icon: "archive" },
  all: { text: "list.roleAll", icon: "mail" },
  junk: { text: "list.roleJunk", icon: "junk" },
  trash: { text: "list.roleTrash", icon: "trash" },
};

/** Mailboxes with a role are called by what they are for, in the language that is shown; others as somebody has called them. */
export function nameOf(mailbox: Mailbox): string {
  const role = mailbox.role && roles[mailbox.role];
  return role ? t(role.text) : mailbox.name;
}

export function iconOf(mailbox: Mailbox): IconName {
  return (mailbox.role && roles[mailbox.role]?.icon) || "folder";
}

export interface Party {
  name: string;
  me: boolean;
}

/** Who a row is about, at most three: of a conversation who wrote in it; of what one has sent to whom. */
export function partiesOf(row: Row, own: ReadonlySet<string>, outgoing: boolean): Party[] {
  const people = outgoing ? (row.email.to ?? []) : row.participants.length ? row.participants : (row.email.from ?? []);
  const short = people.length > 1;
  const all = people.map((p) => ({ name: short ? firstName(p) : shownName(p), me: own.has(p.email.toLowerCase()) }));
  const unique = all.filter((p, i) => all.findIndex((o) => o.name === p.name && o.me === p.me) === i);
  return unique.length > 3 ? [unique[0]!, ...unique.slice(-2)] : unique;
}

function firstName(p: EmailAddress): string {
  const name = shownName(p);
  if (name === p.email) return p.name?.trim() ? name : name.split("@")[0] || name;
  // "Lee, Ann" is Ann.
  return (name.includes(",") ? name.split(",")[1]!.trim() : name).split(/\s+/)[0] || name;
}
