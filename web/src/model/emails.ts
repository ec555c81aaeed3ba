// The emails and threads that are known: what the server has said, and over it what was done and is not confirmed yet.
//
// Promises: what is seen (view) is always what the server said with all pending patches applied in order, and nothing else; so an action
// that is taken away leaves no trace. All that a transaction changes is seen at once. Of emails that nobody looks at, few are kept.

import { batch, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type { Email, Id, Thread } from "../jmap";
import { applyPatch, type EmailPatch } from "./patch";

/** Patches that are not part of what the server has said yet. */
export interface Pending {
  readonly patches: Map<Id, EmailPatch>;
}

interface Entry {
  base: Email | undefined; // as the server said
  view: Email | undefined; // as it is seen
  gone: boolean; // the server has no such email
  watched: number;
  signal?: Signal<Email | undefined>;
}

/** What a transaction has changed. */
export interface Touched {
  readonly emails: ReadonlySet<Id>;
  readonly threads: ReadonlySet<Id>;
}

/** Emails that are kept although nobody needs them now. */
const spare = 5_000;

export class Emails {
  readonly #entries = new Map<Id, Entry>();
  readonly #threads = new Map<Id, readonly Id[]>();
  readonly #pending: Pending[] = [];
  readonly #listeners = new Set<(touched: Touched) => void>();
  readonly #keepers = new Set<(keep: (emailId: Id) => void) => void>();
  #emails = new Set<Id>();
  #touchedThreads = new Set<Id>();
  #depth = 0;

  /** Asks for emails that nobody has loaded: set by who can. */
  wanted: (id: Id) => void = () => {};
  /** Asks again for emails and threads of which an older answer came late: set by who can. */
  doubted: (emailIds: readonly Id[], threadIds: readonly Id[]) => void = () => {};
  /** Counts the rounds of catching up that were taken. */
  round = 0;

  // --- what is known ---

  /** As it is seen; undefined where it is not known, or gone. */
  view(id: Id): Email | undefined {
    return this.#entries.get(id)?.view;
  }

  /** As the server has said. */
  base(id: Id): Email | undefined {
    return this.#entries.get(id)?.base;
  }

  /** Whether its summary is there. */
  has(id: Id): boolean {
    return this.base(id) !== undefined;
  }

  /** Whether all that a list shows of it is there. */
  hasSummary(id: Id): boolean {
    return this.base(id)?.preview !== undefined;
  }

  isGone(id: Id): boolean {
    return this.#entries.get(id)?.gone ?? false;
  }

  /** The emails of a thread, the oldest first; undefined where that is not known. */
  thread(id: Id): readonly Id[] | undefined {
    return this.#threads.get(id);
  }

  get ids(): Iterable<Id> {
    return this.#entries.keys();
  }

  get threadIds(): Iterable<Id> {
    return this.#threads.keys();
  }

  get size(): number {
    return this.#entries.size;
  }

  signal(id: Id): ReadonlySignal<Email | undefined> {
    const e = this.#entry(id);
    e.signal ??= signal(e.view, {
      watched: () => {
        e.watched++;
      },
      unwatched: () => {
        e.watched--;
      },
    });
    if (!e.base && !e.gone) this.wanted(id);
    return e.signal;
  }

  /** The emails that pending patches change. */
  *patched(): Iterable<Id> {
    for (const p of this.#pending) yield* p.patches.keys();
  }

  // --- changes ---

  /** Makes several changes, which are seen together. */
  transaction(change: () => void): void {
    batch(() => {
      this.#depth++;
      try {
        change();
      } finally {
        if (--this.#depth === 0) this.#publish();
      }
    });
  }

  /** The server has said this of emails: properties that are missing are as they were. */
  put(emails: readonly Email[]): void {
    this.transaction(() => {
      for (const email of emails) {
        const e = this.#entry(email.id);
        e.base = e.base ? { ...e.base, ...email } : email;
        e.gone = false;
        this.#touch(email.id);
      }
    });
  }

  putThreads(threads: readonly Thread[]): void {
    this.transaction(() => {
      for (const t of threads) {
        this.#threads.set(t.id, t.emailIds);
        this.#touchedThreads.add(t.id);
      }
    });
  }

  /**
   * An answer that is no part of catching up: it may be older than what is known, so that of what can change only what is not known yet
   * is taken. If a round was taken since it was asked for, even that may have changed between: then it is asked for again.
   */
  learn(emails: readonly Email[], threads: readonly Thread[], asked: number): void {
    const newEmails = emails.filter((e) => !this.has(e.id));
    const newThreads = threads.filter((t) => !this.#threads.has(t.id));
    this.transaction(() => {
      this.put(emails.map((e) => ({ ...e, ...this.base(e.id) })));
      this.putThreads(newThreads);
    });
    if (asked === this.round) return;
    this.doubted(
      newEmails.map((e) => e.id),
      newThreads.map((t) => t.id),
    );
  }

  dropThreads(ids: readonly Id[]): void {
    this.transaction(() => {
      for (const id of ids) {
        if (this.#threads.delete(id)) this.#touchedThreads.add(id);
      }
    });
  }

  /** The server has no such emails (any more). */
  drop(ids: readonly Id[]): void {
    this.transaction(() => {
      for (const id of ids) {
        const e = this.#entry(id);
        const thread = e.base?.threadId;
        e.base = undefined;
        e.gone = true;
        this.#touch(id);
        if (thread) this.#leaveThread(thread, id);
      }
    });
  }

  #leaveThread(thread: Id, id: Id): void {
    this.#touchedThreads.add(thread);
    const rest = this.#threads.get(thread)?.filter((other) => other !== id);
    if (!rest) return;
    if (rest.length > 0) this.#threads.set(thread, rest);
    else this.#threads.delete(thread);
  }

  addPending(p: Pending): void {
    this.transaction(() => {
      this.#pending.push(p);
      for (const id of p.patches.keys()) this.#touch(id);
    });
  }

  removePending(p: Pending): void {
    const at = this.#pending.indexOf(p);
    if (at < 0) return;
    this.transaction(() => {
      this.#pending.splice(at, 1);
      for (const id of p.patches.keys()) this.#touch(id);
    });
  }

  /** Takes some emails out of a pending: what was to become of them was refused. */
  shrinkPending(p: Pending, ids: Iterable<Id>): void {
    this.transaction(() => {
      for (const id of ids) {
        if (p.patches.delete(id)) this.#touch(id);
      }
    });
  }

  /** Has f called after each transaction, while its changes are not seen yet. */
  onTouched(f: (touched: Touched) => void): () => void {
    this.#listeners.add(f);
    return () => this.#listeners.delete(f);
  }

  /** Has f asked which emails are needed. */
  keeper(f: (keep: (emailId: Id) => void) => void): () => void {
    this.#keepers.add(f);
    return () => this.#keepers.delete(f);
  }

  #entry(id: Id): Entry {
    let e = this.#entries.get(id);
    if (!e) {
      e = { base: undefined, view: undefined, gone: false, watched: 0 };
      this.#entries.set(id, e);
    }
    return e;
  }

  #touch(id: Id): void {
    const e = this.#entry(id);
    const thread = e.base?.threadId ?? e.view?.threadId;
    e.view = this.#compute(id, e.base);
    this.#emails.add(id);
    if (thread) this.#touchedThreads.add(thread);
  }

  #compute(id: Id, base: Email | undefined): Email | undefined {
    let view = base;
    for (const p of this.#pending) {
      const patch = view && p.patches.get(id);
      if (patch) view = applyPatch(view!, patch);
    }
    return view;
  }

  #publish(): void {
    if (this.#emails.size === 0 && this.#touchedThreads.size === 0) return;
    const touched = { emails: this.#emails, threads: this.#touchedThreads };
    this.#emails = new Set();
    this.#touchedThreads = new Set();
    for (const id of touched.emails) {
      const e = this.#entries.get(id);
      if (e?.signal) e.signal.value = e.view;
    }
    for (const f of this.#listeners) f(touched);
    if (this.#entries.size > 2 * spare) this.sweep();
  }

  /** Forgets the emails that nobody needs, but for the newest of them. */
  sweep(keep = spare): void {
    const needed = new Set<Id>(this.patched());
    for (const ask of this.#keepers) ask((id) => needed.add(id));
    let surplus = this.#entries.size - keep;
    for (const [id, e] of this.#entries) {
      if (surplus <= 0) break;
      if (needed.has(id) || e.watched > 0) continue;
      this.#entries.delete(id);
      const thread = e.base?.threadId;
      if (thread && !this.#threads.get(thread)?.some((other) => needed.has(other))) this.#threads.delete(thread);
      surplus--;
    }
  }
}
