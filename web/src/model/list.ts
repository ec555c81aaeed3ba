// A list of mail as it is seen and scrolled through.
//
// Promises: whatever its length, few pages of it are in memory; what was done is seen at once; what is in sight is loaded first.

import { batch, type ReadonlySignal, signal } from "@preact/signals";
import { type Batch, type Connection, type EmailFilter, type Id, isTransient, type QueryResponse } from "../jmap";
import type { Emails, Touched } from "./emails";
import type { Fetcher } from "./fetcher";
import { newestFirst, order } from "./filter";
import { type OverlaySpec, overlay } from "./overlay";
import { makeRow, type RowPlace } from "./rows";
import { Runs } from "./runs";
import { type Query, ServerList, type States } from "./serverlist";
import { troubleOf } from "./trouble";
import type { ListSpec, MailList, Row, Trouble } from "./types";

/** What a list needs of the model. */
export interface ListContext {
  readonly connection: Connection;
  readonly emails: Emails;
  readonly fetcher: Fetcher;
  /** Trash and junk. */
  aside(): ReadonlySet<Id>;
  /** These threads are in sight, and nothing else is being loaded. */
  atRest(threadIds: readonly Id[]): void;
  /** The list may be behind what is known of mail: it is to be brought up to date. */
  behind(): void;
  /** Somebody who used the list does not any more. */
  closed(): void;
}

const around = 40; // rows that are loaded on either side of what is in sight
const page = 100; // rows that are loaded at a time
const kept = 2_000; // ids that are kept on either side
const keptRows = 300; // rows whose emails are kept on either side
const mostIds = 10_000; // ids of an answer

export class LiveList implements MailList {
  readonly total: ReadonlySignal<number | undefined>;
  readonly version: ReadonlySignal<number>;
  readonly trouble: ReadonlySignal<Trouble | undefined>;
  readonly server: ServerList;
  /** How many have asked for it and not closed it. */
  users = 0;
  readonly #total = signal<number | undefined>(undefined);
  readonly #version = signal(0);
  readonly #trouble = signal<Trouble | undefined>(undefined);
  readonly #query: Query;
  readonly #overlay: OverlaySpec;
  readonly #rows = new Map<Id, Row>();
  readonly #leave: (() => void)[];
  #seen = new Runs();
  #window = { from: 0, to: 0 };
  #asked: number | undefined;
  #working = false;
  #again = false;
  #lame: ReturnType<typeof setTimeout> | undefined;

  constructor(
    readonly spec: ListSpec,
    private readonly context: ListContext,
  ) {
    const sort = spec.sort ?? newestFirst;
    const collapse = spec.collapseThreads ?? true;
    this.#query = { filter: filterOf(spec), sort, collapseThreads: collapse };
    this.#overlay = { filter: this.#query.filter, order: order(sort), collapse };
    this.server = new ServerList(context.connection, context.emails, this.#query);
    this.total = this.#total;
    this.version = this.#version;
    this.trouble = this.#trouble;
    this.#leave = [
      context.emails.onTouched((touched) => this.#touched(touched)),
      context.emails.keeper((keep) => this.#keep(keep)),
    ];
  }

  at(i: number): Row | "loading" {
    const id = this.#seen.get(i);
    const row = id && this.#row(id);
    if (row) return row;
    if (i >= 0 && (this.#total.value === undefined || i < this.#total.value)) this.#ask(i);
    return "loading";
  }

  window(from: number, to: number): void {
    this.#window = { from, to };
    this.#work();
  }

  indexOf(emailId: Id): number {
    const at = this.#seen.indexOf(emailId);
    if (at >= 0 || !this.#query.collapseThreads) return at;
    const thread = this.context.emails.view(emailId)?.threadId;
    return thread ? this.indexOfThread(thread) : -1;
  }

  indexOfThread(threadId: Id): number {
    for (const [i, id] of this.#seen.entries()) {
      if (this.context.emails.view(id)?.threadId === threadId) return i;
    }
    return -1;
  }

  async allEmailIds(): Promise<readonly Id[]> {
    const { connection } = this.context;
    const ids: Id[] = [];
    for (;;) {
      const more = await connection.call<QueryResponse>("Email/query", {
        ...this.#query,
        filter: this.#query.filter ?? null,
        collapseThreads: false,
        position: ids.length,
        limit: mostIds,
      });
      ids.push(...more.ids);
      if (more.ids.length === 0 || more.ids.length < (more.limit ?? mostIds)) return [...new Set(ids)];
    }
  }

  close(): void {
    this.users--;
    this.context.closed();
  }

  /** The end: nobody uses it, and it is not kept for who may come back. */
  dispose(): void {
    clearTimeout(this.#lame);
    for (const leave of this.#leave) leave();
  }

  /** Adds the first page to a batch; what is returned takes the answer. */
  first(b: Batch, rows: number): () => States {
    this.#window = { from: 0, to: Math.max(1, rows - around) };
    const take = this.server.first(b, rows);
    return () => {
      const states = take();
      this.settle();
      return states;
    };
  }

  /** Adds to a batch what brings it up to date; what is returned takes the answer, in a transaction. */
  bringUpToDate(b: Batch): () => void {
    const take = this.server.bringUpToDate(b);
    return () => {
      take();
      this.settle();
    };
  }

  /** The server can tell no differences: all is to be asked for anew. It is seen until then. */
  reload(): void {
    this.server.stale = "all";
    this.#work();
  }

  /** What is seen follows what is known. */
  settle(): void {
    const seen = overlay(this.server.runs, this.server.total, this.context.emails, this.#overlay);
    batch(() => {
      this.#seen = seen.runs;
      this.#total.value = seen.total;
      this.#version.value++;
    });
    this.#work();
  }

  #row(id: Id): Row | undefined {
    const known = this.#rows.get(id);
    if (known) return known;
    const place: RowPlace = {
      mailboxId: this.spec.mailboxId,
      collapse: this.#query.collapseThreads,
      aside: this.context.aside(),
    };
    const row = makeRow(this.context.emails, id, place);
    if (row) this.#rows.set(id, row);
    return row;
  }

  #touched(touched: Touched): void {
    let seen = false;
    for (const [id, row] of this.#rows) {
      if (!touched.emails.has(id) && !touched.threads.has(row.threadId)) continue;
      this.#rows.delete(id);
      seen = true;
    }
    if (seen || touched.emails.size > 0) this.settle();
  }

  #keep(keep: (id: Id) => void): void {
    const { from, to } = this.#window;
    for (let i = Math.max(0, from - keptRows); i < to + keptRows; i++) {
      const id = this.#seen.get(i);
      if (!id) continue;
      keep(id);
      const thread = this.#query.collapseThreads && this.context.emails.view(id)?.threadId;
      if (thread) for (const other of this.context.emails.thread(thread) ?? []) keep(other);
    }
  }

  #ask(i: number): void {
    if (i < this.#window.from - around || i >= this.#window.to + around) this.#asked = i;
    this.#work();
  }

  /** Loads what is missing until nothing is. */
  #work(): void {
    this.#again = true;
    if (this.#working) return;
    this.#working = true;
    // Not at once: what is asked for while a page is drawn is asked for together.
    queueMicrotask(async () => {
      try {
        while (this.#again) {
          this.#again = false;
          await this.#loadMissing();
        }
        this.#trouble.value = undefined;
      } catch (e) {
        this.#fail(e);
      } finally {
        this.#working = false;
      }
    });
  }

  #fail(e: unknown): void {
    this.#trouble.value = troubleOf(e);
    clearTimeout(this.#lame);
    if (isTransient(e)) this.#lame = setTimeout(() => this.#work(), 2_000);
  }

  async #loadMissing(): Promise<void> {
    if (this.#window.to === 0 && this.#asked === undefined) return;
    const hidden = Math.max(0, (this.server.total ?? 0) - (this.#total.value ?? 0));
    const { from, to } = this.#window;
    const asked = this.#asked;
    this.#asked = undefined;
    const wanted = [[Math.max(0, from - around), to + around + hidden] as const];
    if (asked !== undefined) wanted.push([Math.max(0, asked - around), asked + around + hidden]);
    for (const [first, last] of wanted) {
      const gap = this.server.missing(first, last);
      if (!gap) continue;
      const round = this.context.emails.round;
      await this.server.load(gap[0], Math.max(gap[1], Math.min(gap[0] + page, last)));
      this.server.runs.keep(Math.max(0, from - kept), to + kept);
      // A round of catching up that was taken meanwhile knew nothing of this page.
      if (round !== this.context.emails.round) this.context.behind();
      this.settle();
      this.#again = true;
      return;
    }
    await this.#complete(from, to);
  }

  /** Loads what rows in sight lack: of emails that were forgotten, or came by a difference, and of long threads. */
  async #complete(from: number, to: number): Promise<void> {
    const { emails, fetcher } = this.context;
    const ids: Id[] = [];
    for (let i = Math.max(0, from - around); i < to + around; i++) {
      const id = this.#seen.get(i);
      if (id) ids.push(id);
    }
    await fetcher.summaries(ids);
    const threads = ids.flatMap((id) => emails.view(id)?.threadId ?? []);
    if (this.#query.collapseThreads) await fetcher.threads(threads);
    if (this.#again || this.users === 0) return;
    this.context.atRest(threads.slice(Math.min(around, from), Math.min(around, from) + to - from));
  }
}

function filterOf(spec: ListSpec): EmailFilter | undefined {
  const all: EmailFilter[] = [];
  if (spec.mailboxId) all.push({ inMailbox: spec.mailboxId });
  if (spec.priority) all.push({ hasKeyword: "$important" });
  if (spec.filter) all.push(spec.filter);
  if (all.length <= 1) return all[0];
  return { operator: "AND", conditions: all };
}
