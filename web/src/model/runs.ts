// The ids of a list of which parts are known: pages that lie side by side are one run, and between runs are gaps.

import type { Id } from "../jmap";

interface Run {
  start: number;
  ids: Id[];
}

export class Runs {
  #runs: Run[] = [];

  get isEmpty(): boolean {
    return this.#runs.length === 0;
  }

  /** How many ids are known. */
  get size(): number {
    return this.#runs.reduce((n, r) => n + r.ids.length, 0);
  }

  get runs(): readonly { readonly start: number; readonly ids: readonly Id[] }[] {
    return this.#runs;
  }

  /** Whether all that is known begins at 0 and has no gap in it. */
  get isPrefix(): boolean {
    return this.#runs.length === 0 || (this.#runs.length === 1 && this.#runs[0]!.start === 0);
  }

  clone(): Runs {
    const copy = new Runs();
    copy.#runs = this.#runs.map((r) => ({ start: r.start, ids: [...r.ids] }));
    return copy;
  }

  get(i: number): Id | undefined {
    const r = this.#runs[this.#last((run) => run.start <= i)];
    return r?.ids[i - r.start];
  }

  indexOf(id: Id): number {
    for (const r of this.#runs) {
      const at = r.ids.indexOf(id);
      if (at >= 0) return r.start + at;
    }
    return -1;
  }

  *entries(): Iterable<readonly [number, Id]> {
    for (const r of this.#runs) {
      for (let i = 0; i < r.ids.length; i++) yield [r.start + i, r.ids[i]!];
    }
  }

  /** Puts a page over what was known there. */
  set(start: number, ids: readonly Id[]): void {
    if (ids.length === 0) return;
    const end = start + ids.length;
    const before: Run[] = [];
    const after: Run[] = [];
    for (const r of this.#runs) {
      const head = r.ids.slice(0, Math.max(0, start - r.start));
      const tail = r.ids.slice(Math.max(0, end - r.start));
      if (head.length > 0) before.push({ start: r.start, ids: head });
      if (tail.length > 0) after.push({ start: Math.max(r.start, end), ids: tail });
    }
    this.#runs = [];
    for (const r of [...before, { start, ids: [...ids] }, ...after]) this.#append(r);
  }

  #append(r: Run): void {
    const last = this.#runs.at(-1);
    if (last && last.start + last.ids.length === r.start) last.ids.push(...r.ids);
    else this.#runs.push(r);
  }

  /** Takes ids out; what follows moves up. Returns those that were known. */
  remove(gone: ReadonlySet<Id>): Set<Id> {
    const found = new Set<Id>();
    const old = this.#runs;
    this.#runs = [];
    for (const r of old) {
      const start = r.start - found.size;
      const ids = r.ids.filter((id) => !gone.has(id));
      if (ids.length < r.ids.length) for (const id of r.ids) if (gone.has(id)) found.add(id);
      if (ids.length > 0) this.#append({ start, ids });
    }
    return found;
  }

  /** Puts an id where it stands now; what follows moves down. In a gap it stays unknown. */
  insert(index: number, id: Id): void {
    const old = this.#runs;
    this.#runs = [];
    let placed = false;
    for (const [n, r] of old.entries()) {
      const end = r.start + r.ids.length;
      // At the seam of two runs there is no gap: they would be one. At the end of a run it joins that one.
      const here = !placed && index >= r.start && (index < end || (index === end && old[n + 1]?.start !== index));
      if (here) {
        placed = true;
        this.#append({ start: r.start, ids: r.ids.toSpliced(index - r.start, 0, id) });
      } else {
        this.#append(r.start >= index ? { start: r.start + 1, ids: r.ids } : r);
      }
    }
    if (!placed && index === 0) this.#runs.unshift({ start: 0, ids: [id] });
  }

  /** Moves the runs that begin at an index or later: something that is not known has come or gone before them. */
  shift(from: number, by: number): void {
    const old = this.#runs;
    this.#runs = [];
    for (const r of old) this.#append(r.start >= from ? { start: r.start + by, ids: r.ids } : r);
  }

  /** Forgets all but the ids from index from up to to. */
  keep(from: number, to: number): void {
    this.#runs = this.#runs
      .map((r) => {
        const first = Math.max(r.start, from);
        return { start: first, ids: r.ids.slice(first - r.start, Math.max(0, to - r.start)) };
      })
      .filter((r) => r.ids.length > 0);
  }

  /** Forgets all but the run that begins at 0. */
  keepPrefix(): void {
    this.#runs = this.#runs.filter((r) => r.start === 0);
  }

  clear(): void {
    this.#runs = [];
  }

  /** The first gap within an interval, as an interval. */
  gap(from: number, to: number): readonly [number, number] | undefined {
    let first = from;
    for (const r of this.#runs) {
      if (r.start + r.ids.length <= first) continue;
      if (r.start > first) return first < to ? [first, Math.min(to, r.start)] : undefined;
      first = r.start + r.ids.length;
    }
    return first < to ? [first, to] : undefined;
  }

  /** The index of the last run that f holds for, of runs of which it holds for those in front. */
  #last(f: (r: Run) => boolean): number {
    let low = 0;
    let high = this.#runs.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (f(this.#runs[middle]!)) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}
