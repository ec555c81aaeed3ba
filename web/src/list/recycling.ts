/**
 * Gives rows the elements of rows that have left, and leaves those that stay where they are: an element is not made anew while one
 * scrolls, and a row that moves to another place keeps its element, with the pointer over it and the focus in it.
 */
export class Recycling {
  private used = new Map<string, number>();
  private made = 0;

  /** The element of each row, by number. */
  assign(rows: readonly string[]): number[] {
    const stay = new Set(rows);
    const free: number[] = [];
    for (const [row, element] of this.used) if (!stay.has(row)) free.push(element);
    free.sort((a, b) => b - a);
    const used = new Map<string, number>();
    for (const row of rows) used.set(row, this.used.get(row) ?? free.pop() ?? this.made++);
    this.used = used;
    // Elements that nobody needs are forgotten, and with them those after the last one that is used.
    this.made = Math.max(-1, ...used.values()) + 1;
    return rows.map((row) => used.get(row)!);
  }
}
