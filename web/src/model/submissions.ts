// What became of messages that were sent (docs/message-status.md).

import { computed, type ReadonlySignal, type Signal, signal } from "@preact/signals";
import type {
  ChangesResponse,
  Connection,
  EmailSubmission,
  GetResponse,
  Id,
  QueryResponse,
  SetResponse,
} from "../jmap";
import { ObjectError } from "../jmap";
import { reading } from "./collection";
import { chunks } from "./fetcher";
import type { Submissions } from "./types";

const properties = [
  "id",
  "identityId",
  "emailId",
  "threadId",
  "envelope",
  "sendAt",
  "undoStatus",
  "deliveryStatus",
  "dsnBlobIds",
  "mdnBlobIds",
  "timeline",
];
/** Messages whose submissions are kept: those that nobody looks at are forgotten first. */
const most = 1_000;

interface Known {
  all: Signal<readonly EmailSubmission[] | undefined>;
  newest: ReadonlySignal<EmailSubmission | null | undefined>;
}

export class LiveSubmissions implements Submissions {
  readonly scheduled: ReadonlySignal<readonly EmailSubmission[] | undefined>;
  readonly #scheduled = signal<readonly EmailSubmission[] | undefined>(undefined);
  readonly #byEmail = new Map<Id, Known>();
  readonly #wanted = new Set<Id>();
  #state: string | undefined;
  #soon = false;
  #busy = false;
  #again = false;

  constructor(private readonly connection: Connection) {
    this.scheduled = reading(this.#scheduled, () => this.#loadScheduled());
    connection.hear("EmailSubmission");
    connection.on("StateChange", (c) => {
      const state = c.changed[connection.accountId]?.EmailSubmission;
      if (state !== undefined && state !== this.#state) void this.#refresh();
    });
    connection.on("Connected", () => void this.#refresh());
  }

  of(emailId: Id): ReadonlySignal<EmailSubmission | null | undefined> {
    return this.#known(emailId).newest;
  }

  all(emailId: Id): ReadonlySignal<readonly EmailSubmission[] | undefined> {
    return this.#known(emailId).all;
  }

  #known(emailId: Id): Known {
    const known = this.#byEmail.get(emailId);
    if (known) {
      if (known.all.peek() === undefined) this.#want(emailId);
      return known;
    }
    const all = signal<readonly EmailSubmission[] | undefined>(undefined);
    const newest = computed(() => (all.value ? (all.value[0] ?? null) : undefined));
    this.#byEmail.set(emailId, { all, newest });
    if (this.#byEmail.size > most) this.#byEmail.delete(this.#byEmail.keys().next().value!);
    this.#want(emailId);
    return { all, newest };
  }

  async cancel(submissionId: Id): Promise<boolean> {
    const update = { [submissionId]: { undoStatus: "canceled" } };
    const answer = await this.connection.call<SetResponse>("EmailSubmission/set", { update });
    const refused = answer.notUpdated?.[submissionId];
    void this.#refresh();
    if (!refused) return true;
    // RFC 8621 7.5: it has left already.
    if (refused.type === "cannotUnsend") return false;
    throw new ObjectError(refused);
  }

  #want(emailId: Id): void {
    this.#wanted.add(emailId);
    if (this.#soon) return;
    this.#soon = true;
    // The rows of a list ask one after the other.
    queueMicrotask(() => {
      this.#soon = false;
      const ids = [...this.#wanted];
      this.#wanted.clear();
      this.#load(ids).catch(() => {});
    });
  }

  async #load(emailIds: readonly Id[]): Promise<void> {
    for (const some of chunks(emailIds, 100)) {
      const got = await this.#query({ emailIds: some });
      for (const id of some)
        this.#put(
          id,
          got.filter((s) => s.emailId === id),
        );
    }
  }

  async #query(filter: Record<string, unknown>): Promise<readonly EmailSubmission[]> {
    const { found } = await this.connection.batch((b) => {
      const sort = [{ property: "sentAt", isAscending: false }];
      const query = b.call<QueryResponse>("EmailSubmission/query", { filter, sort, limit: 500 });
      const found = b.call<GetResponse<EmailSubmission>>("EmailSubmission/get", {
        "#ids": query.ref("/ids"),
        properties,
      });
      return { found };
    });
    this.#state ??= found.result.state;
    return found.result.list;
  }

  /** Takes submissions that are new or other than before. */
  #take(list: readonly EmailSubmission[]): void {
    for (const emailId of new Set(list.map((s) => s.emailId))) {
      const mine = list.filter((s) => s.emailId === emailId);
      const known = this.#byEmail.get(emailId)?.all.peek();
      // Where the others are not known yet they are being asked for.
      if (known) this.#put(emailId, [...mine, ...known.filter((s) => !mine.some((m) => m.id === s.id))]);
    }
  }

  #put(emailId: Id, all: readonly EmailSubmission[]): void {
    const known = this.#byEmail.get(emailId);
    if (known) known.all.value = all.toSorted((a, b) => Date.parse(b.sendAt) - Date.parse(a.sendAt));
  }

  async #loadScheduled(): Promise<void> {
    if (this.#scheduled.peek() !== undefined) return;
    this.#scheduled.value = [];
    try {
      this.#showScheduled(await this.#query({ undoStatus: "pending" }));
    } catch {
      this.#scheduled.value = undefined; // who reads it next asks again
    }
  }

  #showScheduled(list: readonly EmailSubmission[]): void {
    this.#scheduled.value = list
      .filter((s) => s.undoStatus === "pending")
      .sort((a, b) => Date.parse(a.sendAt) - Date.parse(b.sendAt));
  }

  async #refresh(): Promise<void> {
    if (this.#state === undefined) return;
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    try {
      while (await this.#catchUp()) {
        // until there is no more
      }
    } catch {
      // The next change, or the next connection, tries again.
    } finally {
      this.#busy = false;
    }
    if (!this.#again) return;
    this.#again = false;
    void this.#refresh();
  }

  async #catchUp(): Promise<boolean> {
    const since = this.#state;
    const { changes, created, updated } = await this.connection.batch((b) => {
      const changes = b.call<ChangesResponse>("EmailSubmission/changes", { sinceState: since, maxChanges: 200 });
      const get = (path: string) =>
        b.call<GetResponse<EmailSubmission>>("EmailSubmission/get", { "#ids": changes.ref(path), properties });
      return { changes, created: get("/created"), updated: get("/updated") };
    });
    if (changes.failure) return this.#startOver();
    const news = [...created.result.list, ...updated.result.list];
    this.#take(news);
    this.#state = changes.result.newState;
    const scheduled = this.#scheduled.peek();
    if (scheduled) {
      const other = new Set([...news.map((s) => s.id), ...changes.result.destroyed]);
      this.#showScheduled([...scheduled.filter((s) => !other.has(s.id)), ...news]);
    }
    return changes.result.hasMoreChanges;
  }

  async #startOver(): Promise<boolean> {
    this.#state = undefined;
    this.#scheduled.value = undefined;
    await this.#load([...this.#byEmail.keys()]);
    return false;
  }
}
