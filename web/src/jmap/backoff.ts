// When to try again: soon, then more and more seldom, and never all clients of a server at the same moment.

export class Backoff {
  #failures = 0;

  constructor(
    private readonly first: number,
    private readonly most: number,
    private readonly random: () => number = Math.random,
  ) {}

  get failures(): number {
    return this.#failures;
  }

  /** Milliseconds to wait after one more failure: between half and all of a time that doubles. */
  next(): number {
    const time = Math.min(this.most, this.first * 2 ** Math.min(this.#failures, 20));
    this.#failures++;
    return time * (0.5 + this.random() / 2);
  }

  reset(): void {
    this.#failures = 0;
  }
}

/** Waits. Ends early, without an error, when signal is aborted. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) done();
  });
}
