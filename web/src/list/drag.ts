// Messages and folders that are dragged onto folders.
import { signal } from "@preact/signals";
import type { Id } from "../jmap/types";
import type { Row } from "../model";

export type Dragged = { kind: "emails"; emailIds: readonly Id[]; from: Id | undefined } | { kind: "mailbox"; id: Id };

/** What is being dragged. */
export const dragged = signal<Dragged | null>(null);

const type = "application/x-mailmesh";

export function beginDrag(e: DragEvent, rows: readonly Row[], from: Id | undefined, text: string): void {
  begin(e, { kind: "emails", emailIds: rows.flatMap((r) => r.emailIds), from }, text);
}

export function begin(e: DragEvent, what: Dragged, text: string): void {
  if (!e.dataTransfer) return;
  e.dataTransfer.setData(type, what.kind);
  e.dataTransfer.effectAllowed = "copyMove";
  const image = document.createElement("div");
  image.className = "drag-image";
  image.textContent = text;
  document.body.append(image);
  e.dataTransfer.setDragImage(image, 12, 12);
  // The browser has drawn it when the event is over.
  setTimeout(() => image.remove());
  dragged.value = what;
}

export function endDrag(): void {
  dragged.value = null;
}
