// A list as the server said it: pages of ids, brought up to date by /queryChanges (RFC 8620 5.6).
//
// Promises: the pages that are known agree with each other, and are those of one state of the query. What can be brought up to
// date by differences is; else the part in sight is asked for anew, at the email that it began with, so that it does not jump.

import type { Comparator, GetResponse, Id, QueryChangesResponse, QueryResponse, Thread } from "../jmap";
import { type Batch, type Call, type Connection, type Email, type EmailFilter, MethodError } from "../jmap";
import type { Emails } from "./emails";
import { member, summary } from "./properties";
import { Runs } from "./runs";

export interface Query {
  readonly filter: EmailFilter | undefined;
  readonly sort: readonly Comparator[];
  readonly collapseThreads: boolean;
}

/** Differences that are asked for; with more the pages are asked for anew. */
const maxChanges = 1_000;

/** The states that an answer was of. */
export interface States {
  email: string;
  thread: string;
}

interface PageCalls {
  changes: Call<QueryChangesResponse> | undefined;
  query: Call<QueryResponse>;
  emails: Call<GetResponse<Email>>;
  threads: Call<GetResponse<Thread>>;
  members: Call<GetResponse<Email>>;
  asked: number; // Emails.round
}

export class ServerList {
  readonly runs = new Runs();
  total: number | undefined;
  state: string | undefined;
  /** Which of the pages are to be asked for anew: none, those behind a gap, or all. They are seen until then. */
  stale: "none" | "deep" | "all" = "none";

  constructor(
    private readonly connection: Connection,
    private readonly emails: Emails,
    readonly query: Query,
  ) {}

  /** Whether something between from and to is to be asked for. */
  missing(from: number, to: number): readonly [number, number] | undefined {
    const end = this.total === undefined ? to : Math.min(to, this.total);
    if (this.state === undefined || this.stale === "all") return [from, Math.max(end, from + 1)];
    const gap = this.runs.gap(Math.max(0, from), end);
    if (gap) return gap;
    const inPrefix = this.runs.runs[0]?.start === 0 ? this.runs.runs[0].ids.length : 0;
    return this.stale === "deep" && end > inPrefix ? [from, end] : undefined;
  }

  /** Loads a page with all that its rows show, in one request. */
  async load(from: number, to: number): Promise<void> {
    const anchor = this.stale === "none" ? undefined : this.#anchor(from, to);
    for (let tries = 0; ; tries++) {
      const since = this.state;
      const calls = await this.connection.batch((b) => this.#ask(b, from, to, tries > 0 ? undefined : anchor));
      if (tries === 0 && anchor && calls.query.failure?.type === "anchorNotFound") continue;
      const page = calls.query.result;
      if (since !== this.state) continue; // brought up to date meanwhile: this may be older
      if (this.#take(calls, page, tries >= 3)) return;
    }
  }

  /** Adds the first page to a batch of others; what is returned takes the answer. */
  first(b: Batch, to: number): () => States {
    const calls = this.#ask(b, 0, to, undefined);
    return () => {
      if (this.state === undefined) this.#take(calls, calls.query.result, true);
      return { email: calls.emails.result.state, thread: calls.threads.result.state };
    };
  }

  /** An email of the page that is known, and how far the page begins before it. */
  #anchor(from: number, to: number): { anchor: Id; anchorOffset: number } | undefined {
    for (let i = from; i < to; i++) {
      const id = this.runs.get(i);
      if (id) return { anchor: id, anchorOffset: from - i };
    }
    return undefined;
  }

  #ask(b: Batch, from: number, to: number, anchor: { anchor: Id; anchorOffset: number } | undefined): PageCalls {
    const changes =
      this.state !== undefined && this.stale === "none" && !this.runs.isEmpty ? this.#askChanges(b) : undefined;
    const query = b.call<QueryResponse>("Email/query", {
      ...this.query,
      filter: this.query.filter ?? null,
      ...(anchor ?? { position: from }),
      limit: to - from,
      calculateTotal: true,
    });
    const emails = b.call<GetResponse<Email>>("Email/get", { "#ids": query.ref("/ids"), properties: summary });
    const threads = b.call<GetResponse<Thread>>("Thread/get", { "#ids": emails.ref("/list/*/threadId") });
    const members = b.call<GetResponse<Email>>("Email/get", {
      "#ids": threads.ref("/list/*/emailIds"),
      properties: member,
    });
    return { changes, query, emails, threads, members, asked: this.emails.round };
  }

  #askChanges(b: Batch): Call<QueryChangesResponse> {
    return b.call<QueryChangesResponse>("Email/queryChanges", {
      ...this.query,
      filter: this.query.filter ?? null,
      sinceQueryState: this.state,
      maxChanges,
      calculateTotal: true,
    });
  }

  /** Takes a page that was answered; false where it does not fit to what is known: it is to be asked for again. */
  #take(calls: PageCalls, page: QueryResponse, atLast: boolean): boolean {
    let fits = false;
    this.emails.transaction(() => {
      if (calls.changes) this.#takeChanges(calls.changes);
      if (this.runs.isEmpty || this.stale === "all" || atLast) this.runs.clear();
      else if (this.stale === "deep" && page.queryState === this.state) this.runs.keepPrefix();
      else if (page.queryState !== this.state) return;
      fits = true;
      this.stale = "none";
      this.state = page.queryState;
      this.total = page.total ?? this.total;
      this.runs.set(page.position, page.ids);
      this.#takeEmails(calls);
    });
    return fits;
  }

  #takeEmails(calls: PageCalls): void {
    const threads = calls.threads.failure ? [] : calls.threads.result.list;
    this.emails.learn(calls.emails.result.list, threads, calls.asked);
    // Long threads are too many emails at once: their rows are completed after they are shown.
    if (!calls.members.failure) this.emails.learn(calls.members.result.list, [], calls.asked);
  }

  /** Adds to a batch what brings the list up to date; what is returned takes the answer. */
  bringUpToDate(b: Batch): () => void {
    if (this.state === undefined || this.stale === "all") return () => {};
    const since = this.state;
    const call = this.#askChanges(b);
    return () => {
      if (this.state === since) this.#takeChanges(call);
    };
  }

  #takeChanges(call: Call<QueryChangesResponse>): void {
    let changes: QueryChangesResponse;
    try {
      changes = call.result;
    } catch (e) {
      if (!(e instanceof MethodError)) throw e;
      this.stale = "all"; // cannotCalculateChanges, tooManyChanges: whichever it is
      return;
    }
    const before = this.total;
    const found = this.runs.remove(new Set(changes.removed));
    // What was removed and is not known either lies in a gap, or is not in the list at all: the totals tell how many were in gaps.
    const inGaps = (before ?? 0) - found.size + changes.added.length - (changes.total ?? 0);
    if (inGaps !== 0 && !this.runs.isPrefix) this.stale = "deep";
    for (const { id, index } of changes.added.toSorted((a, c) => a.index - c.index)) this.#insert(index, id);
    this.state = changes.newQueryState;
    this.total = changes.total ?? this.total;
  }

  /** What is added at the end of what is known belongs to it only where that is the end of the list, or its neighbour is known. */
  #insert(index: number, id: Id): void {
    if (this.runs.isEmpty && index === 0) this.runs.set(0, [id]);
    else this.runs.insert(index, id);
  }
}
