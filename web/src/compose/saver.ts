// Keeps a draft with the server while it is being written.
//
// The order of steps: each change is in the journal first; a pause of typing later the version is noted there as attempted, and only
// then sent: Email/set creates the new version and destroys the former one in one call. The answer is noted in the journal. Whatever
// stops the program between two steps, the next one finds in the journal what was written, and what may have happened: a version whose
// answer was lost is looked for by its Message-ID and its version header before another one is sent, so that none is there twice.
// Where the new version may be refused (something was attached, or the last one was refused) the former one is destroyed only after it.
//
// A version that was replaced elsewhere (another device, another program) is found by the same call: the former one is not there to be
// destroyed. Both versions are kept then, and the user is asked which one goes on.
import { type ReadonlySignal, signal } from "@preact/signals";
import { ObjectError } from "../jmap/errors";
import type { Id, SetError, SetResponse } from "../jmap/types";
import { type Draft, isEmpty, randomId } from "./draft";
import type { Entry, Journal } from "./journal";
import { type Server, withMessageId } from "./server";

export type Saving =
  | { is: "saved" } // the server has it, or there is nothing to have
  | { is: "changed" } // the journal has it
  | { is: "saving" }
  | { is: "failed"; why: unknown } // the journal has it; it is tried again
  | { is: "elsewhere"; theirs: Id } // another version is there as well
  | { is: "sent" }; // it was sent from elsewhere

export interface SaverOptions {
  server: Server;
  journal: Journal;
  /** The version as an email: where drafts lie, and who writes. Rejects while that is not known. */
  email(draft: Draft, version: string): Promise<Record<string, unknown>>;
  /** Blobs that the server has no more are to be sent again. */
  lost?(blobIds: readonly Id[]): void;
  later(ms: number, act: () => void): () => void;
  now?(): number;
}

const pause = 1_200; // of typing, before the server gets it
const atMost = 8_000; // while somebody types without one
const again = 15_000; // after a failure

export class Saver {
  readonly #state = signal<Saving>({ is: "saved" });
  readonly state: ReadonlySignal<Saving> = this.#state;
  readonly #o: SaverOptions;
  #entry: Entry;
  #writing: Promise<void> = Promise.resolve(); // to the journal, in order
  #dirty = false; // the journal has not all yet
  #running: Promise<void> | undefined;
  #cancel: (() => void) | undefined;
  #firstChange = 0;
  #closed = false;
  #files = ""; // that the server has taken

  constructor(entry: Entry, o: SaverOptions) {
    this.#entry = entry;
    this.#o = o;
    if (entry.revision > entry.saved) this.#state.value = { is: "changed" };
  }

  get draft(): Draft {
    return this.#entry.draft;
  }

  get serverId(): Id | null {
    return this.#entry.serverId;
  }

  /** A version may be there that is not known of. */
  get uncertain(): boolean {
    return this.#entry.attempt !== null || this.#entry.stale !== null;
  }

  get isSaved(): boolean {
    return this.#entry.saved === this.#entry.revision && !this.#entry.attempt;
  }

  /** Something was written. */
  change(draft: Draft): void {
    this.#entry = { ...this.#entry, draft, revision: this.#entry.revision + 1, changedAt: this.#now() };
    this.#note();
    const asked = this.#state.value.is;
    if (asked === "saved" || asked === "failed") this.#state.value = { is: "changed" };
    if (asked === "elsewhere" || asked === "sent") return; // the journal keeps it until the user has said
    this.#firstChange ||= this.#now();
    this.#schedule(Math.max(0, Math.min(pause, this.#firstChange + atMost - this.#now())));
  }

  /** All that was written is in the journal. */
  async journaled(): Promise<void> {
    while (this.#dirty) {
      await this.#writing;
    }
    await this.#writing;
  }

  /** Sends what the server does not have yet, now. */
  async flush(): Promise<void> {
    this.#cancel?.();
    await this.journaled();
    await this.#running;
    if (!this.#closed && !this.isSaved) await this.#run();
  }

  /** Nothing more is sent. What is under way is waited for. */
  async stop(): Promise<void> {
    this.#closed = true;
    this.#cancel?.();
    await this.#running;
    await this.journaled();
  }

  /** Removes it, here and there. */
  async discard(): Promise<void> {
    await this.stop();
    const found = this.#entry.attempt ? await this.#versions().catch(() => []) : [];
    const ids = [...new Set([this.#entry.serverId, ...found])].filter((id) => id !== null);
    if (ids.length) await this.#o.server.batch((b) => b.call("Email/set", { destroy: ids }));
    await this.#o.journal.remove(this.draft.key);
  }

  /** Of two versions this one goes on. */
  async keepMine(): Promise<void> {
    const { value } = this.#state;
    if (value.is === "elsewhere") await this.#destroy(value.theirs);
    // What was sent has its Message-ID; what is written on is another message.
    const messageId =
      value.is === "sent" ? `${randomId()}@${this.draft.messageId.split("@")[1]}` : this.draft.messageId;
    this.#state.value = { is: "changed" };
    await this.#keep({ draft: { ...this.draft, messageId }, revision: this.#entry.revision + 1 });
    await this.flush();
  }

  /** The other version goes on: as it was read from the server. */
  async takeTheirs(draft: Draft): Promise<void> {
    const { value } = this.#state;
    if (value.is !== "elsewhere") return;
    const mine = this.#entry.serverId === value.theirs ? null : this.#entry.serverId;
    const revision = this.#entry.revision + 1;
    await this.#keep({ draft, revision, saved: revision, serverId: value.theirs, attempt: null, stale: mine });
    await this.#sweep();
    this.#state.value = { is: "saved" };
  }

  /** Something has changed at the server: is the version that is known still there? */
  async look(): Promise<void> {
    const { serverId, attempt } = this.#entry;
    if (!serverId || attempt || this.#running || this.#closed) return;
    const found = await withMessageId(this.#o.server, this.draft.messageId);
    if (this.#entry.serverId === serverId && !this.#running && !found.some((f) => f.id === serverId))
      this.#elsewhere(found);
  }

  #now(): number {
    return this.#o.now?.() ?? Date.now();
  }

  /** Writes the entry to the journal; changes that come while one is written go together. */
  #note(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    const write = async () => {
      this.#dirty = false;
      await this.#o.journal.put(this.#entry);
    };
    // A journal that cannot be written does not keep anybody from writing: the server gets it all the same.
    this.#writing = this.#writing.then(write).catch(() => {});
  }

  #schedule(ms: number): void {
    this.#cancel?.();
    this.#cancel = this.#o.later(ms, () => {
      if (!this.#running && !this.#closed) void this.#run();
    });
  }

  #run(): Promise<void> {
    const { is } = this.#state.value;
    if (is === "elsewhere" || is === "sent") return Promise.resolve();
    this.#running = this.#save().finally(() => {
      this.#running = undefined;
      if (this.#closed || this.isSaved) return;
      const now = this.#state.value.is;
      if (now === "failed") this.#schedule(again);
      else if (now !== "elsewhere" && now !== "sent") this.#schedule(pause);
    });
    return this.#running;
  }

  async #save(): Promise<void> {
    this.#firstChange = 0;
    if (this.#entry.saved < 0 && !this.#entry.attempt && isEmpty(this.draft)) {
      this.#state.value = { is: "saved" };
      return;
    }
    this.#state.value = { is: "saving" };
    try {
      if (this.#entry.attempt && !(await this.#settle())) return;
      if (!this.isSaved) await this.#send();
    } catch (why) {
      this.#state.value = { is: "failed", why };
      if (why instanceof ObjectError && why.type === "blobNotFound")
        this.#o.lost?.((why.reason as { notFound?: Id[] }).notFound ?? []);
    }
  }

  /** Finds out what became of a version whose answer was lost. False: another version is there that nobody here has made. */
  async #settle(): Promise<boolean> {
    const attempt = this.#entry.attempt!;
    const found = await withMessageId(this.#o.server, this.draft.messageId);
    const arrived = found.find((f) => f.version === attempt.version);
    const before = this.#entry.serverId;
    if (arrived) await this.#keep({ serverId: arrived.id, saved: attempt.revision, attempt: null, stale: before });
    else await this.#keep({ attempt: null, stale: null });
    const others = found.filter((f) => f.id !== this.#entry.serverId && f.id !== before);
    if (others.length || (before && !arrived && !found.some((f) => f.id === before))) return this.#elsewhere(found);
    if (arrived) await this.#sweep();
    if (this.isSaved) this.#state.value = { is: "saved" };
    return true;
  }

  async #send(): Promise<void> {
    const { draft, revision } = this.#entry;
    const version = `${draft.key}.${revision}`;
    const email = await this.#o.email(draft, version);
    const files = draft.files.map((f) => f.blobId).join();
    const careful = files !== this.#files;
    await this.#sweep();
    const before = this.#entry.serverId;
    await this.#keep({ attempt: { version, revision }, ...(careful && { stale: before }) });
    const destroy = before && !careful ? { destroy: [before] } : {};
    const set = await this.#o.server.batch((b) =>
      b.call<SetResponse<{ id: Id }>>("Email/set", { create: { d: email }, ...destroy }),
    );
    if (set.failure) await this.#keep({ attempt: null, stale: null });
    const { created, notCreated, notDestroyed } = set.result;
    const id = created?.d?.id;
    if (!id) return this.#refused(notCreated?.d, before !== null && !careful);
    this.#files = files;
    await this.#keep({ serverId: id, saved: revision, attempt: null });
    const gone = careful ? await this.#sweep() : before !== null && notDestroyed?.[before]?.type === "notFound";
    if (gone) this.#elsewhere(await withMessageId(this.#o.server, draft.messageId));
    else this.#state.value = this.isSaved ? { is: "saved" } : { is: "changed" };
  }

  /** Destroys the version before this one. True: somebody else has done so. */
  async #sweep(): Promise<boolean> {
    const { stale } = this.#entry;
    if (!stale || stale === this.#entry.serverId) return false;
    const there = await this.#destroy(stale);
    await this.#keep({ stale: null });
    return !there;
  }

  async #keep(news: Partial<Entry>): Promise<void> {
    this.#entry = { ...this.#entry, ...news };
    this.#note();
    await this.journaled();
  }

  /** A version was refused. The former one may be destroyed all the same: each object of a /set is for itself (RFC 8620 5.3). */
  async #refused(why: SetError | undefined, destroyed: boolean): Promise<never> {
    this.#files = "\0"; // with care from now on
    await this.#keep({ attempt: null, stale: null, ...(destroyed && { serverId: null, saved: -1 }) });
    throw new ObjectError(why ?? { type: "serverFail" });
  }

  /** Another version is there, or none: asks, where there is something to ask. Always false. */
  #elsewhere(found: Awaited<ReturnType<typeof withMessageId>>): false {
    if (found.some((f) => !f.keywords?.$draft)) {
      // What was sent is never destroyed, be it the version that was open here.
      if (found.some((f) => f.id === this.#entry.serverId && !f.keywords?.$draft))
        this.#entry = { ...this.#entry, serverId: null };
      this.#note();
      this.#state.value = { is: "sent" };
      return false;
    }
    const theirs = found.find((f) => f.id !== this.#entry.serverId);
    if (theirs) {
      this.#state.value = { is: "elsewhere", theirs: theirs.id };
      return false;
    }
    // It was deleted elsewhere. Whoever writes on wants to keep it.
    const lives = found.some((f) => f.id === this.#entry.serverId);
    if (!lives) this.#entry = { ...this.#entry, serverId: null, saved: -1 };
    this.#note();
    this.#state.value = { is: this.isSaved ? "saved" : "changed" };
    return false;
  }

  async #versions(): Promise<Id[]> {
    const found = await withMessageId(this.#o.server, this.draft.messageId);
    return found.filter((f) => f.version.startsWith(`${this.draft.key}.`)).map((f) => f.id);
  }

  /** Whether there was something to destroy. */
  async #destroy(id: Id): Promise<boolean> {
    const set = await this.#o.server.batch((b) => b.call<SetResponse>("Email/set", { destroy: [id] }));
    const refused = set.result.notDestroyed?.[id];
    if (refused && refused.type !== "notFound") throw new ObjectError(refused);
    return !refused;
  }
}
