import { go, listRoute, route } from "../app/route";
import { type Shortcut, useShortcuts } from "../ui";
import type { Control } from "./control";
import { rowMenu } from "./rowmenu";

/** The keys of a list: those of Gmail. While a conversation is open, it has them first. */
export function useListKeys(c: Control): void {
  const some = () => c.rowsMeant().length > 0;
  const at = () => c.placeOf(c.current);
  const all = (keep: (row: { unread: number; flagged: boolean }) => boolean) => () => {
    const total = c.list.total.peek() ?? 0;
    const rows = Array.from({ length: Math.min(total, 1_000) }, (_, i) => c.row(i)).filter((r) => r !== null);
    c.selection.only(rows.filter(keep));
  };
  const acts: Shortcut[] = [
    { keys: "e", text: "list.archive", do: () => void c.archive(), when: some },
    { keys: "y", text: "list.takeAway", do: () => void c.archive(), when: some },
    { keys: "#", text: "list.trash", do: () => void c.trash(), when: some },
    { keys: "Delete", text: "list.trash", do: () => void c.trash(), when: some },
    { keys: "!", text: "list.junk", do: () => void c.junk(), when: some },
    { keys: "s", text: "list.star", do: () => void c.star(), when: some },
    { keys: "v", text: "list.moveTo", do: () => void c.choose("move", at()), when: some },
    { keys: "l", text: "list.labels", do: () => void c.choose("label", at()), when: some },
    { keys: "b", text: "list.snooze", do: () => void c.choose("snooze", at()), when: some },
    { keys: "m", text: "list.mute", do: () => c.mute(), when: some },
    { keys: "Shift+I", text: "list.markRead", do: () => void c.read(true), when: some },
    { keys: "Shift+U", text: "list.markUnread", do: () => void c.read(false), when: some },
    { keys: "=", text: "list.markImportant", do: () => void c.important(true), when: some },
    { keys: "+", text: "list.markImportant", do: () => void c.important(true), when: some },
    { keys: "-", text: "list.markUnimportant", do: () => void c.important(false), when: some },
    { keys: ".", text: "list.more", do: () => rowMenu(c, at()), when: some },
  ];
  useShortcuts("list.room", [
    { keys: "j", text: "list.next", do: () => c.move(1) },
    { keys: "k", text: "list.previous", do: () => c.move(-1) },
    { keys: "n", text: "list.next", do: () => c.move(1) },
    { keys: "p", text: "list.previous", do: () => c.move(-1) },
    { keys: "o", text: "list.open", do: () => c.open(c.current), when: () => c.current !== null },
    { keys: "u", text: "list.back", do: () => go(listRoute()), when: () => route.peek().thread !== null },
    {
      keys: "x",
      text: "list.select",
      do: () => c.current && c.selection.toggle(c.current, c.cursor.peek()),
      when: () => c.current !== null,
    },
    ...acts,
    { keys: "* a", text: "list.selectAll", do: all(() => true) },
    { keys: "* n", text: "list.selectNone", do: () => c.selection.clear() },
    { keys: "* r", text: "list.selectRead", do: all((r) => r.unread === 0) },
    { keys: "* u", text: "list.selectUnread", do: all((r) => r.unread > 0) },
    { keys: "* s", text: "list.selectStarred", do: all((r) => r.flagged) },
    { keys: "* t", text: "list.selectUnstarred", do: all((r) => !r.flagged) },
    { keys: "Shift+N", text: "list.refresh", do: () => void c.mail.refresh() },
    {
      keys: "Escape",
      text: "list.selectNone",
      do: () => c.selection.clear(),
      when: () => c.selection.size > 0,
    },
  ]);
}

/** The keys that a grid has while it has the focus (WAI-ARIA: grid). Whether it was one. */
export function gridKey(c: Control, e: KeyboardEvent): boolean {
  const at = c.cursor.peek();
  const total = c.list.total.peek() ?? 0;
  const to = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    Home: 0,
    End: total - 1,
    PageDown: at + c.view.fit,
    PageUp: at - c.view.fit,
  }[e.key];
  if (e.ctrlKey || e.metaKey || e.altKey) return false;
  if (to !== undefined) {
    if (at < 0) c.move(0);
    else c.moveTo(to);
    if (e.shiftKey && c.current) c.selection.extend(c.cursor.peek(), (i) => c.list.at(i));
  } else if (e.key === "Enter") c.open(c.current);
  else if (e.key === " " && c.current) c.selection.toggle(c.current, at);
  else return false;
  return true;
}
