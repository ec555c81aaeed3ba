// A thread with the bodies of its emails, ready before it is opened.
//
// Promises: bodies are loaded once, since they never change (RFC 8621 4); what changes, keywords and mailboxes, is what all of the model
// sees. The conversations that were used last are kept, within a bound of bytes.

import { computed, type ReadonlySignal, signal } from "@preact/signals";
import { type Connection, type Email, type EmailBodyValue, type GetResponse, type Id, MethodError } from "../jmap";
import type { Emails, Touched } from "./emails";
import { chunks, type Fetcher } from "./fetcher";
import { bodyProperties, maxBodyValueBytes, whole } from "./properties";
import { isUnread } from "./rows";
import { troubleOf } from "./trouble";
import type { Conversation, Trouble } from "./types";

const kept = 50; // conversations
const keptCharacters = 32e6; // of their bodies
/** Bytes of a body value that are shown at most: beyond it is a file to be downloaded. */
const wholeBytes = 5 * 1024 * 1024;
const atATime = 20; // emails whose bodies are loaded by one request

export interface ConversationContext {
  readonly connection: Connection;
  readonly emails: Emails;
  readonly fetcher: Fetcher;
  markRead(ids: readonly Id[]): void;
}

type State = "loading" | "ready" | "gone" | "failed";

export class LiveConversation implements Conversation {
  readonly emails: ReadonlySignal<readonly Email[]>;
  readonly state: ReadonlySignal<State>;
  readonly trouble: ReadonlySignal<Trouble | undefined>;
  readonly #state = signal<State>("loading");
  readonly #trouble = signal<Trouble | undefined>(undefined);
  readonly #version: ReadonlySignal<number>;
  readonly #changed = signal(0);
  readonly #bodies = new Map<Id, Email>();
  readonly #merged = new Map<Id, { view: Email; body: Email | undefined; email: Email }>();
  #loading: Promise<void> | undefined;
  #watched = false;

  constructor(
    readonly threadId: Id,
    private readonly c: ConversationContext,
  ) {
    this.#version = signal(0, {
      watched: () => {
        this.#watched = true;
        void this.load();
      },
      unwatched: () => {
        this.#watched = false;
      },
    });
    this.emails = computed(() => {
      this.#version.value;
      this.#changed.value;
      return (this.c.emails.thread(this.threadId) ?? []).flatMap((id) => this.#email(id) ?? []);
    });
    this.state = this.#state;
    this.trouble = this.#trouble;
  }

  /** Characters of the bodies that are kept. */
  get size(): number {
    let n = 0;
    for (const e of this.#bodies.values()) for (const v of Object.values(e.bodyValues ?? {})) n += v.value.length;
    return n;
  }

  /** Its emails, for who decides what is kept. */
  get ids(): readonly Id[] {
    return this.c.emails.thread(this.threadId) ?? [...this.#bodies.keys()];
  }

  /** The same object as before where nothing of it has changed. */
  #email(id: Id): Email | undefined {
    const view = this.c.emails.view(id);
    if (!view) return undefined;
    const body = this.#bodies.get(id);
    const known = this.#merged.get(id);
    if (known?.view === view && known.body === body) return known.email;
    const email = body ? { ...body, ...view } : view;
    this.#merged.set(id, { view, body, email });
    return email;
  }

  /** Loads what is missing. */
  load(): Promise<void> {
    this.#loading ??= this.#loadAll()
      .then(
        () => {
          this.#trouble.value = undefined;
          this.#state.value = this.c.emails.thread(this.threadId) ? "ready" : "gone";
        },
        (e) => {
          this.#trouble.value = troubleOf(e);
          if (this.#state.value !== "ready") this.#state.value = "failed";
        },
      )
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }

  async #loadAll(): Promise<void> {
    if (!this.c.emails.thread(this.threadId)) await this.c.fetcher.threads([this.threadId]);
    const ids = this.c.emails.thread(this.threadId) ?? [];
    // The newest first: they are read first.
    const missing = ids.filter((id) => !this.#bodies.has(id) && !this.c.emails.isGone(id)).reverse();
    for (const some of chunks(missing, atATime)) {
      await this.#loadBodies(some);
      this.#state.value = "ready";
    }
  }

  async #loadBodies(ids: readonly Id[], most = maxBodyValueBytes): Promise<void> {
    try {
      const asked = this.c.emails.round;
      this.take(await getBodies(this.c.connection, ids, most), asked);
    } catch (e) {
      if (!(e instanceof MethodError && e.type === "requestTooLarge") || ids.length === 1) throw e;
      for (const id of ids) await this.#loadBodies([id], most);
    }
  }

  /** Takes bodies that were loaded. */
  take(got: GetResponse<Email>, asked: number): void {
    this.c.emails.transaction(() => {
      for (const e of got.list) this.#bodies.set(e.id, e);
      this.c.emails.learn(got.list.map(summaryOf), [], asked);
      this.c.emails.drop(got.notFound);
      this.#changed.value++;
    });
  }

  /** The emails whose bodies are not there yet. */
  get missing(): readonly Id[] {
    return (this.c.emails.thread(this.threadId) ?? []).filter(
      (id) => !this.#bodies.has(id) && !this.c.emails.isGone(id),
    );
  }

  async wholeBody(emailId: Id, partId: string): Promise<void> {
    const got = await getBodies(this.c.connection, [emailId], wholeBytes, ["id", "bodyValues"]);
    const body = this.#bodies.get(emailId);
    const value = got.list[0]?.bodyValues?.[partId];
    if (!body || !value) return;
    const bodyValues: Record<string, EmailBodyValue> = { ...body.bodyValues, [partId]: value };
    this.#bodies.set(emailId, { ...body, bodyValues });
    this.#changed.value++;
  }

  shown(): void {
    const unread = this.emails.value.filter((e) => isUnread(e)).map((e) => e.id);
    if (unread.length > 0) this.c.markRead(unread);
  }

  retry(): void {
    if (this.#state.value === "failed") this.#state.value = "loading";
    void this.load();
  }

  /** Something of the thread is other than it was. */
  touched(): void {
    this.#changed.value++;
    if (this.#state.value === "ready" && !this.c.emails.thread(this.threadId)) this.#state.value = "gone";
    if (this.#watched && this.missing.length > 0) void this.load();
  }

  /** Takes the body of an email that has just come, before anybody asks for it. */
  offer(email: Email): void {
    this.#bodies.set(email.id, email);
  }

  get inUse(): boolean {
    return this.#watched;
  }
}

/** The arguments of Email/get for what a conversation shows. */
export function withBodies(most = maxBodyValueBytes, properties: readonly string[] = whole) {
  return {
    properties,
    bodyProperties,
    fetchTextBodyValues: true,
    fetchHTMLBodyValues: true,
    maxBodyValueBytes: most,
  };
}

function getBodies(connection: Connection, ids: readonly Id[], most: number, properties?: readonly string[]) {
  return connection.call<GetResponse<Email>>("Email/get", { ids, ...withBodies(most, properties) });
}

/** What all of the model keeps of an email: not its bodies. */
export function summaryOf(e: Email): Email {
  const { bodyStructure, bodyValues, textBody, htmlBody, attachments, ...rest } = e;
  return rest;
}

export class Conversations {
  readonly #all = new Map<Id, LiveConversation>(); // the last used one behind
  #waiting: Id[] = [];
  #prefetching = false;

  constructor(private readonly c: ConversationContext) {
    c.emails.onTouched((t) => this.#touched(t));
    c.emails.keeper((keep) => {
      for (const conversation of this.#all.values()) for (const id of conversation.ids) keep(id);
    });
  }

  get(threadId: Id): LiveConversation {
    const known = this.#all.get(threadId);
    const one = known ?? new LiveConversation(threadId, this.c);
    this.#all.delete(threadId);
    this.#all.set(threadId, one);
    this.#forget();
    void one.load();
    return one;
  }

  /** Whether somebody reads one. */
  get inUse(): boolean {
    return [...this.#all.values()].some((c) => c.inUse);
  }

  /** Takes emails that have just come, with their bodies, for those that are read. */
  offer(emails: readonly Email[]): void {
    for (const e of emails) {
      const one = e.bodyValues && e.threadId ? this.#all.get(e.threadId) : undefined;
      if (one?.inUse) one.offer(e);
    }
  }

  /** Loads conversations that may be opened soon, the newest wish first, without haste. */
  prefetch(threadIds: readonly Id[]): void {
    const connection = (globalThis.navigator as { connection?: { saveData?: boolean } } | undefined)?.connection;
    if (connection?.saveData) return;
    const wanted = threadIds.filter((id) => !this.#all.has(id));
    this.#waiting = [...new Set([...wanted, ...this.#waiting])].slice(0, kept / 2);
    void this.#prefetchAll();
  }

  async #prefetchAll(): Promise<void> {
    if (this.#prefetching) return;
    this.#prefetching = true;
    try {
      while (this.#waiting.length > 0) await this.#prefetchSome(this.#waiting.splice(0, 6));
    } catch {
      this.#waiting = []; // it was only a guess
    } finally {
      this.#prefetching = false;
    }
  }

  async #prefetchSome(threadIds: readonly Id[]): Promise<void> {
    const ones = threadIds.filter((id) => !this.#all.has(id)).map((id) => new LiveConversation(id, this.c));
    const small = ones.filter((o) => o.missing.length > 0 && o.missing.length <= atATime);
    const ids = small.flatMap((o) => o.missing);
    if (ids.length === 0) return;
    const asked = this.c.emails.round;
    const got = await getBodies(this.c.connection, ids, maxBodyValueBytes);
    for (const o of small) {
      if (this.#all.has(o.threadId)) continue; // opened meanwhile
      const mine = new Set(o.missing);
      const list = got.list.filter((e) => mine.has(e.id));
      o.take({ ...got, list, notFound: got.notFound.filter((id) => mine.has(id)) }, asked);
      // In front: what was guessed goes before what was used.
      this.#all.set(o.threadId, o);
      o.retry();
    }
    this.#forget();
  }

  #forget(): void {
    let size = 0;
    for (const one of this.#all.values()) size += one.size;
    for (const [id, one] of this.#all) {
      if (this.#all.size <= kept && size <= keptCharacters) return;
      if (one.inUse || id === [...this.#all.keys()].at(-1)) continue;
      size -= one.size;
      this.#all.delete(id);
    }
  }

  #touched(touched: Touched): void {
    for (const id of touched.threads) this.#all.get(id)?.touched();
  }
}
