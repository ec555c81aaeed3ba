// Clicks, drags, swipes and long presses on rows: listened for in one place, whatever the number of rows.
import type { RefObject } from "preact";
import { useMemo } from "preact/hooks";
import { t } from "../i18n";
import type { Row } from "../model";
import type { Control } from "./control";
import { beginDrag, endDrag } from "./drag";
import { rowMenu } from "./rowmenu";
import { Swipe } from "./swipe";

interface Target {
  element: HTMLElement;
  row: Row;
  index: number;
  does: string | undefined;
}

export function usePointer(c: Control, grid: RefObject<HTMLDivElement | null>) {
  return useMemo(() => {
    const swipe = new Swipe(
      (i) => void c.archive(c.row(i)),
      (i) => void c.choose("snooze", { x: 16, y: innerHeight / 3 }, c.row(i)),
      (i) => select(c, i, false),
    );
    return {
      onClick: (e: MouseEvent) => {
        if (swipe.took()) {
          e.preventDefault();
          return;
        }
        click(c, e);
        if (e.detail > 0 && e.target instanceof HTMLButtonElement) grid.current?.focus({ preventScroll: true });
      },
      onContextMenu: (e: MouseEvent) => {
        const at = targetOf(c, e);
        if (!at || swipe.active) {
          e.preventDefault();
          return;
        }
        e.preventDefault();
        c.moveTo(at.index, false);
        if (!c.selection.has(at.row)) c.selection.clear();
        rowMenu(c, { x: e.clientX, y: e.clientY });
      },
      onPointerOver: (e: PointerEvent) => {
        const at = e.pointerType === "mouse" ? targetOf(c, e) : null;
        if (at) c.mail.prefetch(at.row.threadId);
      },
      onPointerDown: (e: PointerEvent) => {
        const at = targetOf(c, e);
        if (at) swipe.down(e, at.element, at.index);
      },
      onPointerMove: (e: PointerEvent) => swipe.move(e),
      onPointerUp: () => swipe.up(),
      onPointerCancel: () => swipe.cancel(),
      onDragStart: (e: DragEvent) => {
        const at = targetOf(c, e);
        if (!at || swipe.active) {
          e.preventDefault();
          return;
        }
        const rows = c.selection.has(at.row) ? c.rowsMeant() : [at.row];
        beginDrag(e, rows, c.shown.mailbox?.id, t("list.dragged", { n: rows.length }));
      },
      onDragEnd: endDrag,
    };
  }, []);
}

function targetOf(c: Control, e: Event): Target | null {
  const from = e.target as Element;
  const element = from.closest<HTMLElement>("[data-index]");
  const index = Number(element?.dataset.index ?? -1);
  const row = c.row(index);
  return element && row && { element, row, index, does: from.closest<HTMLElement>("[data-do]")?.dataset.do };
}

function click(c: Control, e: MouseEvent): void {
  const at = targetOf(c, e);
  if (!at) return;
  const selecting = c.selection.size > 0 && matchMedia("(pointer: coarse)").matches;
  if (at.does === "check" || (selecting && !at.does)) {
    if ((e.target as Element).closest("label") && !(e.target instanceof HTMLInputElement)) return; // the box gets it
    select(c, at.index, e.shiftKey);
    return;
  }
  if (at.does) {
    acts[at.does]?.(c, at.row, e);
    return;
  }
  if ((e.target as Element).closest("a") && (e.ctrlKey || e.metaKey || e.shiftKey)) return; // a new tab
  e.preventDefault();
  if (e.shiftKey || e.ctrlKey || e.metaKey) {
    select(c, at.index, e.shiftKey);
    return;
  }
  c.moveTo(at.index, false);
  c.open(at.row);
}

function select(c: Control, i: number, extend: boolean): void {
  const row = c.row(i);
  if (!row) return;
  if (extend) c.selection.extend(i, (at) => c.list.at(at));
  else c.selection.toggle(row, i);
  c.moveTo(i, false);
}

const acts: Readonly<Record<string, (c: Control, row: Row, e: MouseEvent) => void>> = {
  star: (c, row) => void c.star(row),
  archive: (c, row) => void c.archive(row),
  trash: (c, row) => void c.trash(row),
  read: (c, row) => void c.read(row.unread > 0, row),
  snooze: (c, row, e) => void c.choose("snooze", { x: e.clientX, y: e.clientY }, row),
};
