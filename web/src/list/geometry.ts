// Where the rows of a long list are. All rows are equally high, so that everything is reckoned and nothing is measured.
//
// A browser cannot make an element as high as one likes: Chromium and Safari end at 33,554,428 px, Firefox at 17,895,697 px. A list that is
// higher is shown through a shorter element: wheel and keys move the rows by what is scrolled (base stays), the scrollbar by its share of
// the whole (base is reckoned anew).

/** The highest element that is asked for. */
export const maxHeight = 16_000_000;
/** So near to an end of a shortened element the rest of the list is brought there. */
const margin = 4_000;

export interface Range {
  from: number;
  to: number; // not in it
}

export class Geometry {
  /** What of the list is above the element's beginning. */
  base = 0;
  private lastTop = 0;

  constructor(
    readonly rowHeight: number,
    public rows: number,
    public viewport: number,
  ) {}

  /** The height of all rows. */
  get whole(): number {
    return this.rows * this.rowHeight;
  }

  /** The height of the element that is scrolled. */
  get height(): number {
    return Math.min(this.whole, maxHeight);
  }

  get shortened(): boolean {
    return this.whole > maxHeight;
  }

  /**
   * The element is scrolled to top now. Returns where it should be scrolled to instead, if elsewhere: what is seen does not change by that.
   */
  scrolled(top: number): number | null {
    const moved = top - this.lastTop;
    this.lastTop = top;
    if (!this.shortened) {
      this.base = 0;
      return null;
    }
    if (Math.abs(moved) > 2 * this.viewport) this.base = this.share(top) - top; // the scrollbar, not the wheel
    const nearEnd = top < margin || top > this.height - this.viewport - margin;
    return nearEnd ? this.settle(this.base + top) : null;
  }

  /** Where in the list one is when the element is scrolled to top by the scrollbar. */
  private share(top: number): number {
    return (top / (this.height - this.viewport)) * (this.whole - this.viewport);
  }

  /** Lays the element so that its scrollbar tells where one is; null: it is so already. */
  private settle(at: number): number | null {
    const place = this.inside(at);
    const top = Math.round((place / (this.whole - this.viewport)) * (this.height - this.viewport));
    this.base = place - top;
    const moves = top !== this.lastTop;
    this.lastTop = top;
    return moves ? top : null;
  }

  /** Where in the list one is. */
  get at(): number {
    return this.base + this.lastTop;
  }

  /** How to scroll the element to be at a place of the list. */
  scrollTo(at: number): number {
    const place = this.inside(at);
    if (this.shortened) this.settle(place);
    else this.lastTop = place;
    return this.lastTop;
  }

  private inside(at: number): number {
    return Math.max(0, Math.min(at, this.whole - this.viewport));
  }

  /** Where in the element row i is. */
  topOf(i: number): number {
    return i * this.rowHeight - this.base;
  }

  /** The rows in sight, and some around them: a multiple of step, so that not every pixel is another range. */
  range(around = 8, step = 4): Range {
    const first = Math.floor(this.at / this.rowHeight) - around;
    const last = Math.ceil((this.at + this.viewport) / this.rowHeight) + around;
    return {
      from: Math.max(0, Math.floor(first / step) * step),
      to: Math.min(this.rows, Math.ceil(last / step) * step),
    };
  }

  /** The first row of which the half is in sight. */
  get firstInSight(): number {
    return Math.min(Math.max(0, this.rows - 1), Math.max(0, Math.floor(this.at / this.rowHeight + 0.5)));
  }

  /** The place to be at to have row i in sight; null: it is. */
  toShow(i: number): number | null {
    const top = i * this.rowHeight;
    if (top < this.at) return top;
    if (top + this.rowHeight > this.at + this.viewport) return top + this.rowHeight - this.viewport;
    return null;
  }
}
