// Loads emails and threads that are needed, many at a time, within the limits of the session.

import type { Connection, Email, GetResponse, Id, Thread } from "../jmap";
import type { Emails } from "./emails";
import { changing, member, summary } from "./properties";

/** Emails of a thread that a row looks at; of longer threads the newest. */
export const maxMembers = 50;

export class Fetcher {
  readonly #wanted = new Set<Id>();
  #soon = false;

  constructor(
    private readonly connection: Connection,
    private readonly emails: Emails,
  ) {
    emails.wanted = (id) => this.want(id);
    emails.doubted = (emailIds, threadIds) => {
      this.again(emailIds, threadIds).catch(() => {}); // without a connection: what is done then is to catch up
    };
  }

  /** Loads the summary of an email with others that are wanted at the same time. What cannot be loaded now is wanted again later. */
  want(id: Id): void {
    this.#wanted.add(id);
    if (this.#soon) return;
    this.#soon = true;
    queueMicrotask(() => {
      this.#soon = false;
      const ids = [...this.#wanted];
      this.#wanted.clear();
      this.summaries(ids).catch(() => {});
    });
  }

  /** Asks for the summaries of those that have none. */
  async summaries(ids: readonly Id[], properties: readonly string[] = summary): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.emails.isGone(id) && !this.#knows(id, properties));
    for (const some of chunks(missing, this.connection.limits.maxObjectsInGet)) {
      const asked = this.emails.round;
      const got = await this.connection.call<GetResponse<Email>>("Email/get", { ids: some, properties });
      this.emails.transaction(() => {
        this.emails.learn(got.list, [], asked);
        this.emails.drop(got.notFound);
      });
    }
  }

  #knows(id: Id, properties: readonly string[]): boolean {
    return properties === summary ? this.emails.hasSummary(id) : this.emails.has(id);
  }

  /** Asks for threads that are not known, and for what a row needs of their emails. */
  async threads(ids: readonly Id[]): Promise<void> {
    const missing = [...new Set(ids)].filter((id) => !this.emails.thread(id));
    for (const some of chunks(missing, this.connection.limits.maxObjectsInGet)) {
      const asked = this.emails.round;
      const got = await this.connection.call<GetResponse<Thread>>("Thread/get", { ids: some });
      this.emails.learn([], got.list, asked);
    }
    await this.members(ids);
  }

  /** Asks for what a row needs of the emails of threads that are known. */
  async members(threadIds: readonly Id[]): Promise<void> {
    await this.summaries(
      threadIds.flatMap((id) => this.emails.thread(id)?.slice(-maxMembers) ?? []),
      member,
    );
  }

  /** Asks for what can change of emails and threads, until the answer is of the state that is known, or later. */
  async again(emailIds: readonly Id[], threadIds: readonly Id[]): Promise<void> {
    const most = this.connection.limits.maxObjectsInGet;
    for (const ids of chunks(emailIds, most)) {
      await this.#untilNew("Email/get", { ids, properties: changing }, (got: GetResponse<Email>) => {
        this.emails.put(got.list);
        this.emails.drop(got.notFound);
      });
    }
    for (const ids of chunks(threadIds, most)) {
      await this.#untilNew("Thread/get", { ids }, (got: GetResponse<Thread>) => {
        this.emails.putThreads(got.list);
        this.emails.dropThreads(got.notFound);
      });
    }
  }

  async #untilNew<T>(method: string, args: object, take: (got: T) => void): Promise<void> {
    for (;;) {
      const asked = this.emails.round;
      const got = await this.connection.call<T>(method, args);
      if (asked !== this.emails.round) continue;
      this.emails.transaction(() => take(got));
      return;
    }
  }
}

export function chunks<T>(list: readonly T[], size: number): T[][] {
  const out: T[][] = [];
  for (let i = 0; i < list.length; i += size) out.push(list.slice(i, i + size));
  return out;
}
