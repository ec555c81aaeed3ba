/** So far a row is pulled that the swipe counts, and so far before it is one. */
const counts = 96;
const begins = 12;
const longPress = 450;

interface Held {
  element: HTMLElement;
  content: HTMLElement;
  index: number;
  pointer: number;
  x: number;
  y: number;
  by: number;
  timer: ReturnType<typeof setTimeout>;
}

/** A finger on a row: pulled towards the end of the line it archives, towards the beginning it snoozes; kept still it selects. */
export class Swipe {
  #held: Held | null = null;
  #pulled = false;
  #took = false;

  constructor(
    private readonly toEnd: (index: number) => void,
    private readonly toStart: (index: number) => void,
    private readonly pressed: (index: number) => void,
  ) {}

  /** A finger is down. */
  get active(): boolean {
    return this.#held !== null;
  }

  /** Whether the click that comes belongs to a swipe. */
  took(): boolean {
    const took = this.#took;
    this.#took = false;
    return took;
  }

  down(e: PointerEvent, element: HTMLElement, index: number): void {
    this.cancel();
    this.#took = false;
    if (e.pointerType === "mouse") return;
    const content = element.lastElementChild as HTMLElement;
    const timer = setTimeout(() => {
      this.cancel();
      this.#took = true;
      navigator.vibrate?.(10);
      this.pressed(index);
    }, longPress);
    this.#held = { element, content, index, pointer: e.pointerId, x: e.clientX, y: e.clientY, by: 0, timer };
  }

  move(e: PointerEvent): void {
    const held = this.#held;
    if (!held || e.pointerId !== held.pointer) return;
    const [x, y] = [e.clientX - held.x, e.clientY - held.y];
    if (!this.#pulled) {
      if (Math.abs(y) > begins) {
        this.cancel(); // the list is scrolled
        return;
      }
      if (Math.abs(x) < begins) return;
      clearTimeout(held.timer);
      this.#pulled = true;
      this.#took = true;
      held.element.setPointerCapture(held.pointer);
    }
    held.by = x;
    held.element.dataset.swipe = this.#towardsEnd(x) ? "archive" : "snooze";
    held.content.style.transform = `translateX(${x}px)`;
  }

  up(): void {
    const held = this.#held;
    const far = held !== null && this.#pulled && Math.abs(held.by) > counts;
    this.cancel();
    if (!far) return;
    if (this.#towardsEnd(held.by)) this.toEnd(held.index);
    else this.toStart(held.index);
  }

  cancel(): void {
    const held = this.#held;
    if (!held) return;
    clearTimeout(held.timer);
    held.content.style.transform = "";
    delete held.element.dataset.swipe;
    this.#held = null;
    this.#pulled = false;
  }

  #towardsEnd(x: number): boolean {
    return document.dir === "rtl" ? x < 0 : x > 0;
  }
}
