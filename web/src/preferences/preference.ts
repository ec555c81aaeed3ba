import { type Signal, signal } from "@preact/signals";

/** Where preferences are kept: localStorage, or nothing where the browser forbids it. */
export interface Shelf {
  getItem(key: string): string | null;
  setItem(key: string, value: string): void;
  removeItem(key: string): void;
}

export interface Preference<T> {
  readonly value: T;
  /** The value without listening to it. */
  peek(): T;
  set(value: T): void;
  readonly initial: T;
}

const prefix = "mailmesh.";

/** Preferences of one device. A value that is not one of those allowed, of an older version say, is as if it were not there. */
export class Preferences {
  private readonly signals = new Map<string, { signal: Signal<unknown>; read: (text: string | null) => unknown }>();

  constructor(private readonly shelf: Shelf | undefined) {}

  /** A choice among some values. The first is the default. */
  choice<const T extends string | number>(name: string, values: readonly [T, ...T[]]): Preference<T> {
    return this.make(name, values[0], (v): v is T => (values as readonly unknown[]).includes(v));
  }

  flag(name: string, initial: boolean): Preference<boolean> {
    return this.make(name, initial, (v): v is boolean => typeof v === "boolean");
  }

  text(name: string, initial = ""): Preference<string> {
    return this.make(name, initial, (v): v is string => typeof v === "string");
  }

  /** A short list of texts, such as what was used last. */
  texts(name: string, most: number): Preference<readonly string[]> {
    const valid = (v: unknown): v is readonly string[] =>
      Array.isArray(v) && v.length <= most && v.every((x) => typeof x === "string");
    return this.make<readonly string[]>(name, [], valid);
  }

  /** Another tab has changed a preference; null: all of them. */
  changedElsewhere(key: string | null): void {
    for (const [name, { signal, read }] of this.signals) {
      if (key === null || key === prefix + name) signal.value = read(this.load(name));
    }
  }

  private make<T>(name: string, initial: T, valid: (v: unknown) => v is T): Preference<T> {
    const read = (text: string | null): T => {
      try {
        const v: unknown = JSON.parse(text ?? "null");
        return valid(v) ? v : initial;
      } catch {
        return initial;
      }
    };
    const of = signal<T>(read(this.load(name)));
    this.signals.set(name, { signal: of as Signal<unknown>, read });
    return {
      initial,
      get value() {
        return of.value;
      },
      peek: () => of.peek(),
      set: (value) => {
        of.value = value;
        this.keep(name, value === initial ? null : JSON.stringify(value));
      },
    };
  }

  private load(name: string): string | null {
    try {
      return this.shelf?.getItem(prefix + name) ?? null;
    } catch {
      return null; // a browser that forbids storage throws
    }
  }

  private keep(name: string, text: string | null): void {
    try {
      if (text === null) this.shelf?.removeItem(prefix + name);
      else this.shelf?.setItem(prefix + name, text);
    } catch {
      // Full or forbidden: it holds until the page is closed.
    }
  }
}
