// What is done with mailboxes.
import { go, route } from "../app/route";
import { t } from "../i18n";
import type { Id, Mailbox } from "../jmap/types";
import { type Mail, say, troubleOf } from "../model";
import { ask, type MenuItem, toast } from "../ui";
import { doWith } from "./bulk";
import { choose, type Place } from "./choice";
import { emptyNow } from "./head";
import { nameOf } from "./names";
import { nameDialog } from "./picker";
import { boxOf } from "./spec";
import { isBelow } from "./tree";

/** Asks how a new mailbox is called, and makes it. */
export function nameNew(mail: Mail, parentId: Id | null): void {
  const take = async (name: string) => {
    const id = await mail.do.createMailbox(name, parentId);
    go({ box: id });
  };
  nameDialog.value = { title: t("list.newFolder"), value: "", confirm: t("list.create"), take };
}

/** Whether a mailbox can come to lie below another one. */
export function takesFolder(mail: Mail, id: Id, below: Mailbox): boolean {
  const moved = mail.mailboxById(id);
  return (
    moved !== undefined &&
    moved.parentId !== below.id &&
    below.myRights.mayCreateChild &&
    !isBelow(below, id, mail.mailboxes.peek())
  );
}

export function folderMenu(mail: Mail, m: Mailbox, at: Place): void {
  const own = !m.role;
  const items: (MenuItem | false)[] = [
    {
      id: "read",
      text: t("list.readAll"),
      icon: "mailOpen",
      disabled: m.unreadEmails === 0,
      do: () => void readAll(mail, m),
    },
    m.myRights.mayCreateChild && {
      id: "below",
      text: t("list.newBelow"),
      icon: "folderPlus",
      divider: true,
      do: () => nameNew(mail, m.id),
    },
    own && {
      id: "rename",
      text: t("list.rename"),
      icon: "pen",
      disabled: !m.myRights.mayRename,
      do: () => rename(mail, m),
    },
    own && {
      id: "move",
      text: t("list.moveFolder"),
      icon: "move",
      disabled: !m.myRights.mayRename,
      do: () => moveFolder(mail, m, at),
    },
    (m.role === "trash" || m.role === "junk") && {
      id: "empty",
      text: t("list.emptyNow", { mailbox: nameOf(m) }),
      icon: "trash",
      danger: true,
      disabled: m.totalEmails === 0,
      do: () => void emptyNow(mail, m, m.totalThreads),
    },
    own && {
      id: "delete",
      text: t("list.deleteFolder"),
      icon: "trash",
      danger: true,
      divider: true,
      disabled: !m.myRights.mayDelete,
      do: () => void destroy(mail, m),
    },
  ];
  choose({ kind: "menu", label: t("list.folderActions"), at, items: items.filter((i) => i !== false) });
}

async function readAll(mail: Mail, m: Mailbox): Promise<void> {
  const list = mail.list({ filter: { operator: "AND", conditions: [{ inMailbox: m.id }, { notKeyword: "$seen" }] } });
  try {
    await doWith(mail, await list.allEmailIds(), (a, ids) => a.read(ids));
  } catch (e) {
    toast({ text: say(troubleOf(e)), kind: "error" });
  } finally {
    list.close();
  }
}

function rename(mail: Mail, m: Mailbox): void {
  const take = (name: string) => mail.do.renameMailbox(m.id, name);
  nameDialog.value = { title: t("list.rename"), value: m.name, confirm: t("list.rename"), take };
}

function moveFolder(mail: Mail, m: Mailbox, at: Place): void {
  const mailboxes = mail.mailboxes.peek();
  const except = new Set(mailboxes.filter((o) => isBelow(o, m.id, mailboxes) || o.id === m.parentId).map((o) => o.id));
  const take = (id: Id) => void mail.do.moveMailbox(m.id, id || null).catch(() => {}); // the model tells why not
  choose({ kind: "mailbox", title: t("list.moveFolder"), at, except, take });
}

async function destroy(mail: Mail, m: Mailbox): Promise<void> {
  const yes = await ask({
    title: t("list.deleteTitle", { mailbox: m.name }),
    body: m.totalEmails ? t("list.deleteBody", { n: m.totalEmails }) : undefined,
    confirm: t("list.deleteFolder"),
    danger: true,
  });
  if (!yes) return;
  const here = route.peek().box === boxOf(m);
  await mail.do.destroyMailbox(m.id).then(
    () => here && go({ box: "inbox" }),
    () => {}, // the model tells why not
  );
}
