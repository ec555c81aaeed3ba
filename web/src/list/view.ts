import { type ReadonlySignal, signal } from "@preact/signals";
import { Geometry, type Range } from "./geometry";

/** How rows are laid out: in a column they have two or three lines, in a wide list one. */
export interface Layout {
  kind: "stack" | "line";
  dense: boolean;
}

/** The height of rows, as row.module.css has it. */
export function heightOf({ kind, dense }: Layout): number {
  if (kind === "line") return dense ? 36 : 44;
  return dense ? 56 : 84;
}

/** A list that is wider than this has rows of one line. */
const lineFrom = 760;

/** The element that a list is scrolled in. Scrolling asks for no layout: it reads where the element is scrolled to, and writes a signal now and then. */
export class View {
  readonly #range = signal<Range>({ from: 0, to: 0 });
  readonly #wide = signal(false);
  readonly #scrolledDown = signal(false);
  #geometry = new Geometry(84, 0, 0);
  #element: HTMLElement | null = null;
  #aim: number | null = null; // where it is to be scrolled to when it is laid out
  #wanted: number | null = null; // the row to show when it is known how high the element is

  get range(): ReadonlySignal<Range> {
    return this.#range;
  }

  get wide(): ReadonlySignal<boolean> {
    return this.#wide;
  }

  /** Whether the first row is out of sight. */
  get scrolledDown(): ReadonlySignal<boolean> {
    return this.#scrolledDown;
  }

  get height(): number {
    return this.#geometry.height;
  }

  get firstInSight(): number {
    return this.#geometry.firstInSight;
  }

  /** How many rows fit. */
  get fit(): number {
    return Math.max(1, Math.floor(this.#geometry.viewport / this.#geometry.rowHeight) - 1);
  }

  topOf(i: number): number {
    return this.#geometry.topOf(i);
  }

  attach(element: HTMLElement): () => void {
    this.#element = element;
    const scrolled = () => this.#scrolled(element.scrollTop);
    const resized = new ResizeObserver(([entry]) => {
      const { inlineSize = 0, blockSize = 0 } = entry?.contentBoxSize[0] ?? {};
      if (!blockSize) return; // not shown: on a phone a conversation is
      this.#wide.value = inlineSize >= lineFrom;
      this.#geometry.viewport = blockSize;
      this.#tell();
      if (this.#wanted !== null) this.show(this.#wanted);
    });
    element.addEventListener("scroll", scrolled, { passive: true });
    resized.observe(element);
    return () => {
      element.removeEventListener("scroll", scrolled);
      resized.disconnect();
      this.#element = null;
    };
  }

  /** There are so many rows, and so high. The first row in sight stays where it is, or goes where the anchor says that it is now. */
  set(rows: number, rowHeight: number, moved = 0): void {
    const g = this.#geometry;
    if (g.rows === rows && g.rowHeight === rowHeight && moved === 0) return;
    const at = (g.at / g.rowHeight + moved) * rowHeight;
    const next = new Geometry(rowHeight, rows, g.viewport);
    this.#geometry = next;
    const top = next.scrollTo(at);
    if (moved !== 0 || g.rowHeight !== rowHeight || next.shortened) this.#aim = top;
    this.#tell();
  }

  /** After the element has its new height, before it is painted. */
  settle(): void {
    if (this.#aim !== null && this.#element) this.#element.scrollTop = this.#aim;
    this.#aim = null;
  }

  /** Brings a row in sight. */
  show(i: number): void {
    this.#wanted = this.#geometry.viewport === 0 ? i : null;
    if (this.#wanted !== null) return;
    const at = this.#geometry.toShow(i);
    if (at !== null) this.#go(at);
  }

  /** Gives it the focus where nothing has it, so that a screen reader says which row the keyboard is at. */
  focus(): void {
    if (document.activeElement === document.body) this.#element?.focus({ preventScroll: true });
  }

  toTop(): void {
    this.#go(0);
  }

  #go(at: number): void {
    const top = this.#geometry.scrollTo(at);
    if (this.#element) this.#element.scrollTop = top;
    this.#tell();
  }

  #scrolled(top: number): void {
    const other = this.#geometry.scrolled(top);
    if (other !== null && this.#element) this.#element.scrollTop = other;
    this.#tell();
  }

  #tell(): void {
    const { from, to } = this.#geometry.range();
    const was = this.#range.peek();
    if (was.from !== from || was.to !== to) this.#range.value = { from, to };
    this.#scrolledDown.value = this.#geometry.at > this.#geometry.rowHeight;
  }
}
