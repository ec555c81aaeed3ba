// What was done and the server has yet to confirm, in order.
//
// Promises: everything is done in the order in which it was asked for, and counts once however often it is sent: each step says how
// things shall be, not what to change. Without a connection it waits. What the server refuses is taken out of what is seen, email by
// email, and the rest stays. A step that is confirmed is seen until the model knows the server's own word of it.

import { type ReadonlySignal, signal } from "@preact/signals";
import { type Batch, type Call, type Connection, type Id, isTransient, type SetError, type SetResponse } from "../jmap";
import { Backoff } from "../jmap/backoff";
import { ObjectError } from "../jmap/errors";
import type { Emails, Pending } from "./emails";
import { chunks } from "./fetcher";
import { type EmailPatch, wirePatch } from "./patch";
import { troubleOf } from "./trouble";
import type { Trouble } from "./types";

export type Step = { readonly patches: Map<Id, EmailPatch> } & (
  | { readonly kind: "update" | "destroy" | "wake" }
  | { readonly kind: "snooze"; readonly until: Date }
);

/** Snoozes of a call (docs/jmap-snooze.md). */
const maxSnoozes = 50;
const maxCalls = 8;
/** Times that a server in trouble is asked before a step counts as refused. */
const maxTries = 5;

/** Some emails of a step: as many as a call takes. */
interface Part {
  readonly entry: Entry;
  readonly ids: readonly Id[];
}

export class Entry implements Pending {
  readonly patches: Map<Id, EmailPatch>;
  readonly done: Promise<void>;
  sent = false;
  left = 0; // parts that are not confirmed
  trouble: Trouble | undefined;
  settle!: () => void;

  constructor(readonly step: Step) {
    this.patches = step.patches;
    this.done = new Promise((resolve, reject) => {
      this.settle = () => (this.trouble ? reject(this.trouble) : resolve());
    });
    this.done.catch(() => {}); // who is interested looks himself
  }
}

export class Queue {
  readonly count: ReadonlySignal<number>;
  readonly #count = signal(0);
  readonly #parts: Part[] = [];
  readonly #confirmed = new Set<Entry>();
  readonly #backoff: Backoff;
  #running = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly connection: Connection,
    private readonly emails: Emails,
    private readonly told: {
      /** Something is confirmed: the server's word of it is to be learnt. */
      confirmed(): void;
      refused(trouble: Trouble): void;
    },
    random: () => number = Math.random,
  ) {
    this.count = this.#count;
    this.#backoff = new Backoff(1_000, 30_000, random);
    connection.on("Connected", () => this.#run());
  }

  push(step: Step): Entry {
    const entry = new Entry(step);
    const most =
      step.kind === "update" || step.kind === "destroy" ? this.connection.limits.maxObjectsInSet : maxSnoozes;
    const parts = chunks([...step.patches.keys()], most);
    entry.left = parts.length;
    if (parts.length === 0) {
      entry.settle();
      return entry;
    }
    this.emails.addPending(entry);
    for (const ids of parts) this.#parts.push({ entry, ids });
    this.#count.value++;
    queueMicrotask(() => this.#run()); // what is done together goes together
    return entry;
  }

  /** Takes a step back that has not been sent: as if it had never been. False: it was sent. */
  cancel(entry: Entry): boolean {
    if (entry.sent || entry.left === 0) return false;
    for (let i = this.#parts.length - 1; i >= 0; i--) if (this.#parts[i]!.entry === entry) this.#parts.splice(i, 1);
    this.emails.removePending(entry);
    this.#count.value--;
    entry.settle();
    return true;
  }

  /** The steps that are confirmed by now. Once all that the server has said since is known, they are over. */
  get confirmed(): readonly Entry[] {
    return [...this.#confirmed];
  }

  /** In the transaction that takes what the server says of them. */
  over(entries: readonly Entry[]): void {
    for (const e of entries) {
      this.#confirmed.delete(e);
      this.emails.removePending(e);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#parts.length = 0;
  }

  async #run(): Promise<void> {
    const status = this.connection.status.value;
    if (this.#running || status === "offline" || status === "refused") return;
    this.#running = true;
    clearTimeout(this.#timer);
    try {
      while (this.#parts.length > 0) await this.#sendSome();
      this.#backoff.reset();
    } catch (e) {
      // Whether it was done or not, it is sent again: that it is done twice makes no difference.
      if (isTransient(e)) this.#timer = setTimeout(() => this.#run(), this.#backoff.next());
    } finally {
      this.#running = false;
    }
  }

  async #sendSome(): Promise<void> {
    const parts = this.#parts.slice(0, maxCalls);
    for (const p of parts) p.entry.sent = true;
    let calls: Call<SetResponse>[];
    try {
      calls = await this.connection.batch((b) => parts.map((p) => askFor(b, p)));
    } catch (e) {
      if (isTransient(e) || e instanceof Error === false || e.name === "SignedOutError") throw e;
      this.#drop(parts.length); // the request as a whole was refused: it would be again
      for (const p of parts) this.#refuse(p, p.ids, troubleOf(e));
      return;
    }
    // A step that failed for now is sent again with all after it, so that the order holds.
    const failed = calls.findIndex((c) => c.failure && isTransient(c.failure) && this.#backoff.failures < maxTries);
    const ended = failed < 0 ? parts : parts.slice(0, failed);
    this.#drop(ended.length);
    this.emails.transaction(() => {
      for (const [i, p] of ended.entries()) this.#take(p, calls[i]!);
    });
    if (this.#confirmed.size > 0) this.told.confirmed();
    if (failed >= 0) throw calls[failed]!.failure;
    this.#backoff.reset();
  }

  #drop(n: number): void {
    this.#parts.splice(0, n);
  }

  #take(p: Part, call: Call<SetResponse>): void {
    if (call.failure) {
      this.#refuse(p, p.ids, troubleOf(call.failure));
      return;
    }
    const answer = call.result;
    const not: Record<Id, SetError> = { ...answer.notCreated, ...answer.notUpdated, ...answer.notDestroyed };
    // What is gone is gone, by whomever: there is nothing to be told. Deleting it is done, too.
    const gone = Object.keys(not).filter((id) => not[id]!.type === "notFound");
    const refused = Object.keys(not).filter((id) => not[id]!.type !== "notFound");
    if (p.entry.step.kind !== "destroy") this.emails.shrinkPending(p.entry, gone);
    if (refused.length > 0) this.#refuse(p, refused, troubleOf(new ObjectError(not[refused[0]!]!)));
    else this.#confirm(p.entry);
  }

  #refuse(p: Part, ids: readonly Id[], trouble: Trouble): void {
    this.emails.shrinkPending(p.entry, ids);
    if (!p.entry.trouble) this.told.refused(trouble);
    p.entry.trouble ??= trouble;
    this.#confirm(p.entry);
  }

  #confirm(entry: Entry): void {
    if (--entry.left > 0) return;
    this.#count.value--;
    this.#confirmed.add(entry);
    entry.settle();
  }
}

/** Adds the call for a part. Objects that are made have the id of their email as creation id, so that refusals name emails. */
function askFor(b: Batch, p: Part): Call<SetResponse> {
  const { step } = p.entry;
  switch (step.kind) {
    case "update": {
      const update = Object.fromEntries(p.ids.map((id) => [id, wirePatch(step.patches.get(id) ?? {})]));
      return b.call("Email/set", { update });
    }
    case "destroy":
      return b.call("Email/set", { destroy: p.ids });
    case "wake":
      return b.call("Snooze/set", { destroy: p.ids });
    case "snooze": {
      const until = `${step.until.toISOString().slice(0, 19)}Z`;
      return b.call("Snooze/set", { create: Object.fromEntries(p.ids.map((id) => [id, { emailId: id, until }])) });
    }
  }
}
