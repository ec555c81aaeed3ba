import { type ReadonlySignal, signal } from "@preact/signals";
import type { Id } from "../jmap/types";
import type { Row } from "../model";

/** What is selected of a list: threads, with the emails that actions cover. It outlives that rows are out of sight and forgotten. */
export class Selection {
  readonly #rows = signal<ReadonlyMap<Id, Row>>(new Map());
  readonly #everything = signal(false);
  #anchor = -1; // where a range begins

  get rows(): ReadonlySignal<ReadonlyMap<Id, Row>> {
    return this.#rows;
  }

  /** All that the list stands for is meant, loaded or not. */
  get everything(): ReadonlySignal<boolean> {
    return this.#everything;
  }

  get size(): number {
    return this.#rows.value.size;
  }

  has(row: Row): boolean {
    return this.#everything.value || this.#rows.value.has(row.threadId);
  }

  toggle(row: Row, at: number): void {
    const rows = new Map(this.#rows.peek());
    if (!rows.delete(row.threadId)) rows.set(row.threadId, row);
    this.#set(rows);
    this.#anchor = at;
  }

  /** From where the last one was selected to here (Shift). */
  extend(to: number, at: (i: number) => Row | "loading"): void {
    const from = this.#anchor < 0 ? to : this.#anchor;
    const rows = new Map(this.#rows.peek());
    for (let i = Math.min(from, to); i <= Math.max(from, to); i++) {
      const row = at(i);
      if (row !== "loading") rows.set(row.threadId, row);
    }
    this.#set(rows);
  }

  only(rows: Iterable<Row>): void {
    this.#set(new Map([...rows].map((row) => [row.threadId, row])));
  }

  all(): void {
    this.#everything.value = true;
  }

  clear(): void {
    this.#set(new Map());
    this.#anchor = -1;
  }

  /** Rows of a list that has changed: as they are now. */
  refresh(now: (row: Row) => Row): void {
    if (!this.#rows.peek().size) return;
    const rows = new Map([...this.#rows.peek()].map(([id, row]) => [id, now(row)] as const));
    if ([...rows].some(([id, row]) => this.#rows.peek().get(id) !== row)) this.#rows.value = rows;
  }

  #set(rows: ReadonlyMap<Id, Row>): void {
    this.#rows.value = rows;
    this.#everything.value = false;
  }
}
