// Who writes a draft: one tab at a time. A tab that opens a draft which another one has open says so, and can take it over; the other one
// saves what it has and lets go. Where the browser has no locks, every tab may.

/** Takes a lock until it is released, or the tab is gone. null: another tab has it. */
export async function claim(name: string): Promise<(() => void) | null> {
  return hold(name, { ifAvailable: true });
}

/** The same, as soon as whoever has it lets go. */
export async function wait(name: string, signal?: AbortSignal): Promise<() => void> {
  return (await hold(name, signal ? { signal } : {}))!;
}

function hold(name: string, options: LockOptions): Promise<(() => void) | null> {
  if (!navigator.locks) return Promise.resolve(() => {});
  return new Promise((resolve, reject) => {
    navigator.locks
      .request(`mailmesh ${name}`, options, (lock) => {
        if (!lock) {
          resolve(null);
          return undefined;
        }
        return new Promise<void>((release) => resolve(() => release()));
      })
      .catch(reject);
  });
}

interface Message {
  type: "takeOver";
  name: string;
}

/** What tabs tell each other. */
export class Tabs {
  readonly #channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel("mailmesh compose");
  readonly #owners = new Map<string, () => void>();

  constructor() {
    this.#channel?.addEventListener("message", (e: MessageEvent<Message>) => {
      if (e.data?.type === "takeOver") this.#owners.get(e.data.name)?.();
    });
  }

  /** Has it told when another tab takes over what this one has open. */
  own(name: string, taken: () => void): () => void {
    this.#owners.set(name, taken);
    return () => this.#owners.delete(name);
  }

  takeOver(name: string): void {
    this.#channel?.postMessage({ type: "takeOver", name } satisfies Message);
  }

  close(): void {
    this.#channel?.close();
  }
}
