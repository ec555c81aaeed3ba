/** Time that never goes back, in milliseconds, and something to be woken by. */
export interface Clock {
  now(): number;
  /** Calls f once, after that many milliseconds. The result calls it off. */
  after(ms: number, f: () => void): () => void;
}

export const realClock: Clock = {
  now: () => performance.now(),
  after: (ms, f) => {
    const timer = setTimeout(f, ms);
    return () => clearTimeout(timer);
  },
};

/** A clock that stands still until it is told to go on, for tests. */
export class TestClock implements Clock {
  private time = 0;
  private waiting: { at: number; f: () => void }[] = [];

  now(): number {
    return this.time;
  }

  after(ms: number, f: () => void): () => void {
    const entry = { at: this.time + ms, f };
    this.waiting.push(entry);
    return () => {
      this.waiting = this.waiting.filter((e) => e !== entry);
    };
  }

  go(ms: number): void {
    const end = this.time + ms;
    for (;;) {
      const next = this.waiting.filter((e) => e.at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.waiting = this.waiting.filter((e) => e !== next);
      this.time = next.at;
      next.f();
    }
    this.time = end;
  }
}
