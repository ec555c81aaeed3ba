// Catching up with the server: what has changed of mail since what is known, by /changes (RFC 8620 5.2).
//
// Promises: one round is one request and is seen at once as a whole: emails, threads, mailboxes and the lists in use agree with each
// other. What was done here counts as the server's own word only when a round that began after its confirmation has ended. Where the
// server cannot tell the changes, what is in use is asked for anew; nothing is taken away from sight until it is there.

import type { Batch, Call, ChangesResponse, Connection, Email, GetResponse, Id, StateChange, Thread } from "../jmap";
import { isTransient } from "../jmap";
import { type Conversations, summaryOf, withBodies } from "./conversation";
import type { Emails } from "./emails";
import { chunks } from "./fetcher";
import type { LiveList } from "./list";
import type { Mailboxes } from "./mailboxes";
import { changing, summary } from "./properties";
import type { Queue } from "./queue";

/** Changes of a round: their emails come with them. */
const most = 100;
/** Where they come with their bodies. */
const few = 20;

interface MailChanges {
  emails: Call<ChangesResponse>;
  created: Call<GetResponse<Email>>;
  updated: Call<GetResponse<Email>>;
  threads: Call<ChangesResponse>;
  newThreads: Call<GetResponse<Thread>>;
  oldThreads: Call<GetResponse<Thread>>;
}

export class Sync {
  #email: string | undefined;
  #thread: string | undefined;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #lame: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #following = false;
  #tooLarge = false; // the bodies of what has come, for one request

  constructor(
    private readonly c: {
      readonly connection: Connection;
      readonly emails: Emails;
      readonly mailboxes: Mailboxes;
      readonly queue: Queue;
      readonly conversations: Pick<Conversations, "inUse" | "offer">;
      lists(): Iterable<LiveList>;
    },
  ) {
    for (const type of ["Mailbox", "Thread", "Email"]) c.connection.hear(type);
    c.connection.on("StateChange", (change) => this.#told(change));
    c.connection.on("Connected", () => this.soon());
  }

  /** The states that the first answers were of. */
  begin(email: string, thread: string): void {
    this.#email ??= email;
    this.#thread ??= thread;
  }

  /** Catches up from now on, whenever there may be news. */
  follow(): void {
    this.#following = true;
    if (this.c.connection.status.value === "online") this.soon();
  }

  /** Catches up. What is promised is a round that begins after the call. */
  now(): Promise<void> {
    if (!this.#running) {
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
      });
      return this.#running;
    }
    this.#next ??= this.#running
      .catch(() => {})
      .then(() => {
        this.#next = undefined;
        return this.now();
      });
    return this.#next;
  }

  /** Catches up; where that fails for now, again later. */
  soon(): void {
    if (this.#closed || !this.#following) return;
    this.now().catch((e) => {
      clearTimeout(this.#lame);
      if (isTransient(e) && !this.#closed) this.#lame = setTimeout(() => this.soon(), 3_000);
    });
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#lame);
  }

  #told(change: StateChange): void {
    const states = change.changed[this.c.connection.accountId];
    if (!states) return;
    const known = { Email: this.#email, Thread: this.#thread, Mailbox: this.c.mailboxes.state };
    const news = Object.entries(known).some(([type, state]) => states[type] !== undefined && states[type] !== state);
    if (news) this.soon();
  }

  async #run(): Promise<void> {
    while (await this.#round()) {
      // until there is no more
    }
  }

  /** One request; whether there is more. */
  async #round(): Promise<boolean> {
    if (this.#email === undefined || this.#thread === undefined) return this.#startOver();
    const { connection, emails, mailboxes, queue } = this.c;
    const confirmed = queue.confirmed;
    let room = connection.limits.maxCallsInRequest - 9;
    const { mail, boxes, lists } = await connection.batch((b) => ({
      mail: this.#askMail(b),
      boxes: mailboxes.bringUpToDate(b),
      // More lists than a request has calls for are asked for anew: nobody looks at so many.
      lists: [...this.c.lists()].map((l) => (room-- > 0 ? l.bringUpToDate(b) : () => l.reload())),
    }));
    if (mail.created.failure && !this.#tooLarge && !mail.emails.failure) {
      this.#tooLarge = true; // without them, then
      return true;
    }
    this.#tooLarge = false;
    let more = false;
    emails.transaction(() => {
      if (mail.emails.failure || mail.threads.failure) {
        this.#email = undefined; // cannotCalculateChanges, whichever
        more = true;
        return;
      }
      emails.round++;
      const moreMail = this.#takeMail(mail);
      more = boxes() || moreMail;
      for (const take of lists) take();
      if (!more) queue.over(confirmed);
    });
    return more;
  }

  #askMail(b: Batch): MailChanges {
    // Who reads a conversation sees what comes to it a round trip sooner.
    const reads = this.c.conversations.inUse && !this.#tooLarge;
    const emails = b.call<ChangesResponse>("Email/changes", {
      sinceState: this.#email,
      maxChanges: reads ? few : most,
    });
    const get = (path: string, what: object) =>
      b.call<GetResponse<Email>>("Email/get", { "#ids": emails.ref(path), ...what });
    const created = get("/created", reads ? withBodies() : { properties: summary });
    const updated = get("/updated", { properties: changing });
    const threads = b.call<ChangesResponse>("Thread/changes", { sinceState: this.#thread, maxChanges: most });
    const getThreads = (path: string) => b.call<GetResponse<Thread>>("Thread/get", { "#ids": threads.ref(path) });
    return {
      emails,
      created,
      updated,
      threads,
      newThreads: getThreads("/created"),
      oldThreads: getThreads("/updated"),
    };
  }

  /** Takes what is of use: of what nobody has loaded nothing is kept. */
  #takeMail(mail: MailChanges): boolean {
    const { emails } = this.c;
    emails.put(mail.created.result.list.map(summaryOf));
    this.c.conversations.offer(mail.created.result.list);
    emails.put(mail.updated.result.list.filter((e) => emails.has(e.id)));
    emails.drop([...mail.emails.result.destroyed].filter((id) => emails.has(id)));
    emails.putThreads(mail.newThreads.result.list);
    emails.putThreads(mail.oldThreads.result.list.filter((t) => emails.thread(t.id)));
    emails.dropThreads(mail.threads.result.destroyed);
    this.#email = mail.emails.result.newState;
    this.#thread = mail.threads.result.newState;
    return mail.emails.result.hasMoreChanges || mail.threads.result.hasMoreChanges;
  }

  /** The server cannot tell what has changed: asks anew for all that is in use. */
  async #startOver(): Promise<boolean> {
    const { connection, emails, mailboxes, queue } = this.c;
    const confirmed = queue.confirmed;
    const first = await connection.batch((b) => ({
      boxes: mailboxes.load(b),
      email: b.call<GetResponse<Email>>("Email/get", { ids: [] }),
      thread: b.call<GetResponse<Thread>>("Thread/get", { ids: [] }),
    }));
    emails.sweep(0);
    const held = new Set([...emails.ids].filter((id) => emails.has(id)));
    const threads = new Set(emails.threadIds);
    const got: GetResponse<Email>[] = [];
    for (const ids of chunks([...held], connection.limits.maxObjectsInGet))
      got.push(await connection.call("Email/get", { ids, properties: changing }));
    const gotThreads: GetResponse<Thread>[] = [];
    for (const ids of chunks([...threads], connection.limits.maxObjectsInGet))
      gotThreads.push(await connection.call("Thread/get", { ids }));
    emails.transaction(() => {
      emails.round++;
      first.boxes();
      this.#replace(got, gotThreads);
      this.#email = first.email.result.state;
      this.#thread = first.thread.result.state;
      for (const l of this.c.lists()) l.reload();
      queue.over(confirmed);
    });
    // What was loaded meanwhile may be older than all that.
    const late = [...emails.ids].filter((id) => emails.has(id) && !held.has(id));
    emails.doubted(
      late,
      [...emails.threadIds].filter((id) => !threads.has(id)),
    );
    return false;
  }

  #replace(emails: readonly GetResponse<Email>[], threads: readonly GetResponse<Thread>[]): void {
    for (const r of emails) {
      this.c.emails.put(r.list);
      this.c.emails.drop(r.notFound as Id[]);
    }
    for (const r of threads) {
      this.c.emails.putThreads(r.list);
      this.c.emails.dropThreads(r.notFound as Id[]);
    }
  }
}
