import { act } from "../app/ports";
import { href, listRoute } from "../app/route";
import { t } from "../i18n";
import type { MenuItem } from "../ui";
import { choose, type Place } from "./choice";
import type { Control } from "./control";

/** The menu of what is selected, or of the row the cursor is at. */
export function rowMenu(c: Control, at: Place): void {
  const rows = c.rowsMeant();
  const one = rows.length === 1 ? rows[0]! : null;
  const role = c.shown.mailbox?.role;
  const unread = rows.some((r) => r.unread > 0);
  const starred = rows.every((r) => r.flagged);
  const muted = rows.every((r) => r.muted);
  const important = rows.every((r) => r.email.keywords?.$important);
  const items: (MenuItem | false)[] = [
    one !== null && {
      id: "reply",
      text: t("list.reply"),
      icon: "reply",
      hint: "r",
      do: () => act("compose")({ kind: "reply", emailId: one.emailId }),
    },
    one !== null && {
      id: "replyAll",
      text: t("list.replyAll"),
      icon: "replyAll",
      hint: "a",
      do: () => act("compose")({ kind: "replyAll", emailId: one.emailId }),
    },
    one !== null && {
      id: "forward",
      text: t("list.forward"),
      icon: "forward",
      hint: "f",
      do: () => act("compose")({ kind: "forward", emailId: one.emailId }),
    },
    one !== null && {
      id: "tab",
      text: t("list.openTab"),
      icon: "external",
      do: () => void open(href({ ...listRoute(), thread: one.threadId }), "_blank", "noopener"),
    },
    role !== "archive" && {
      id: "archive",
      text: t("list.archive"),
      icon: "archive",
      hint: "e",
      divider: one !== null,
      do: () => void c.archive(),
    },
    {
      id: "trash",
      text: t(role === "trash" ? "list.destroy" : "list.trash"),
      icon: "trash",
      hint: "#",
      danger: role === "trash",
      do: () => void c.trash(),
    },
    {
      id: "junk",
      text: t(role === "junk" ? "list.notJunk" : "list.junk"),
      icon: "junk",
      hint: "!",
      do: () => void c.junk(),
    },
    {
      id: "read",
      text: t(unread ? "list.markRead" : "list.markUnread"),
      icon: unread ? "mailOpen" : "mail",
      hint: unread ? "Shift+I" : "Shift+U",
      divider: true,
      do: () => void c.read(unread),
    },
    { id: "star", text: t(starred ? "list.unstar" : "list.addStar"), icon: "star", hint: "s", do: () => void c.star() },
    {
      id: "important",
      text: t(important ? "list.markUnimportant" : "list.markImportant"),
      icon: "important",
      hint: important ? "-" : "+",
      do: () => void c.important(!important),
    },
    {
      id: "snooze",
      text: t("list.snooze"),
      icon: "snooze",
      hint: "b",
      divider: true,
      do: () => void c.choose("snooze", at),
    },
    { id: "move", text: t("list.moveTo"), icon: "move", hint: "v", do: () => void c.choose("move", at) },
    { id: "label", text: t("list.labels"), icon: "label", hint: "l", do: () => void c.choose("label", at) },
    { id: "mute", text: t(muted ? "list.unmute" : "list.mute"), icon: "mute", hint: "m", do: () => c.mute() },
  ];
  choose({ kind: "menu", label: t("list.actions"), at, items: items.filter((i) => i !== false) });
}
