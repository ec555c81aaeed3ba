// Types of objects of which an account has few: loaded when they are first looked at, and live from then on.

import { type ReadonlySignal, signal } from "@preact/signals";
import type { GetResponse, Id, PatchObject, QueryResponse, SetResponse } from "../jmap";
import { type Batch, type ChangesResponse, type Connection, isTransient, MethodError, ObjectError } from "../jmap";
import { chunks } from "./fetcher";
import { troubleOf } from "./trouble";
import type { Collection, Singleton, Trouble } from "./types";

interface Named {
  readonly id: Id;
}

export interface CollectionOptions {
  /** Properties that are asked for; without them those that the server gives by itself. */
  properties?: readonly string[];
  /** Whether the server has /changes for the type: else all are asked for anew. */
  hasChanges?: boolean;
  /** The account has no such type. */
  absent?: () => boolean;
}

export class LiveCollection<T extends Named> implements Collection<T> {
  readonly items: ReadonlySignal<readonly T[] | undefined>;
  readonly trouble: ReadonlySignal<Trouble | undefined>;
  protected readonly all = signal<readonly T[] | undefined>(undefined, { watched: () => this.#begin() });
  readonly #trouble = signal<Trouble | undefined>(undefined);
  #state: string | undefined;
  #loading: Promise<readonly T[]> | undefined;
  #following = false;
  #again = false;

  constructor(
    protected readonly connection: Connection,
    readonly type: string,
    private readonly o: CollectionOptions = {},
  ) {
    // Reading without a component, once, loads it too.
    this.items = reading(this.all, () => this.#begin());
    this.trouble = this.#trouble;
  }

  #begin(): void {
    if (this.#state === undefined && !this.#loading) this.load().catch(() => {});
  }

  byId(id: Id): T | undefined {
    return this.items.value?.find((x) => x.id === id);
  }

  load(): Promise<readonly T[]> {
    if (this.o.absent?.()) {
      this.all.value ??= [];
      return Promise.resolve([]);
    }
    const known = this.all.peek();
    if (known && this.#state !== undefined) return Promise.resolve(known);
    this.#loading ??= this.#load().finally(() => {
      this.#loading = undefined;
    });
    return this.#loading;
  }

  async #load(): Promise<readonly T[]> {
    this.#follow();
    try {
      const got = await this.connection.batch((b) => this.ask(b));
      return got();
    } catch (e) {
      if (e instanceof MethodError && e.type === "requestTooLarge") return this.#loadMany();
      this.#trouble.value = troubleOf(e);
      throw e;
    }
  }

  /** More objects than a call gets: by their ids. */
  async #loadMany(): Promise<readonly T[]> {
    const { ids } = await this.connection.call<QueryResponse>(`${this.type}/query`, {});
    const list: T[] = [];
    let state: string | undefined;
    for (const some of chunks(ids, this.connection.limits.maxObjectsInGet)) {
      const got = await this.connection.call<GetResponse<T>>(`${this.type}/get`, { ids: some });
      state ??= got.state;
      list.push(...got.list);
    }
    this.#state = state;
    this.#trouble.value = undefined;
    this.all.value = list;
    return list;
  }

  /** Adds the call for all to a batch; what is returned takes the answer. */
  ask(b: Batch): () => readonly T[] {
    this.#follow();
    const args = { ids: null, ...(this.o.properties && { properties: this.o.properties }) };
    const call = b.call<GetResponse<T>>(`${this.type}/get`, args);
    return () => {
      this.#state = call.result.state;
      this.#trouble.value = undefined;
      this.all.value = call.result.list;
      return call.result.list;
    };
  }

  #follow(): void {
    if (this.#following) return;
    this.#following = true;
    this.connection.hear(this.type);
    this.connection.on("StateChange", (c) => {
      const state = c.changed[this.connection.accountId]?.[this.type];
      if (state !== undefined && state !== this.#state) this.refresh();
    });
    this.connection.on("Connected", () => this.refresh());
  }

  /** Catches up with what has changed. */
  refresh(): void {
    if (this.#state === undefined && !this.#trouble.value) return; // not loaded
    if (this.#loading) {
      this.#again = true;
      return;
    }
    this.#loading = this.#catchUp()
      .catch((e) => {
        if (!isTransient(e)) this.#trouble.value = troubleOf(e);
        return this.all.peek() ?? [];
      })
      .finally(() => {
        this.#loading = undefined;
        if (!this.#again) return;
        this.#again = false;
        this.refresh();
      });
  }

  async #catchUp(): Promise<readonly T[]> {
    const since = this.#state;
    if (since === undefined || this.o.hasChanges === false) return this.#load();
    const properties = this.o.properties && { properties: this.o.properties };
    const { changes, created, updated } = await this.connection.batch((b) => {
      const changes = b.call<ChangesResponse>(`${this.type}/changes`, { sinceState: since });
      const get = (path: string) =>
        b.call<GetResponse<T>>(`${this.type}/get`, { "#ids": changes.ref(path), ...properties });
      return { changes, created: get("/created"), updated: get("/updated") };
    });
    if (changes.failure) return this.#load(); // cannotCalculateChanges, or there is no such method
    const news = new Map([...created.result.list, ...updated.result.list].map((x) => [x.id, x]));
    const gone = new Set([...changes.result.destroyed, ...created.result.notFound, ...updated.result.notFound]);
    const kept = (this.all.peek() ?? []).filter((x) => !gone.has(x.id)).map((x) => news.get(x.id) ?? x);
    const known = new Set(kept.map((x) => x.id));
    this.#state = changes.result.newState;
    this.all.value = [...kept, ...[...news.values()].filter((x) => !known.has(x.id))];
    return changes.result.hasMoreChanges ? this.#catchUp() : this.all.peek()!;
  }

  async create(object: Partial<T> & Record<string, unknown>, more: Record<string, unknown> = {}): Promise<T> {
    const answer = await this.set({ create: { new: object }, ...more });
    const refused = answer.notCreated?.new;
    if (refused) throw new ObjectError(refused);
    const made = { ...object, ...answer.created?.new } as unknown as T;
    this.all.value = this.all.peek() && [...this.all.peek()!.filter((x) => x.id !== made.id), made];
    this.refresh();
    return made;
  }

  async update(id: Id, patch: PatchObject): Promise<void> {
    const before = this.all.peek()?.find((x) => x.id === id);
    const shown = before && shallowPatch(before, patch);
    if (shown) this.#replace(id, shown);
    try {
      const answer = await this.set({ update: { [id]: patch } });
      const refused = answer.notUpdated?.[id];
      if (refused) throw new ObjectError(refused);
      const more = answer.updated?.[id];
      if (more && shown) this.#replace(id, { ...shown, ...more });
    } catch (e) {
      // Taken back, unless something else has been learnt of it meanwhile.
      if (before && this.all.peek()?.includes(shown!)) this.#replace(id, before);
      throw e;
    } finally {
      this.refresh();
    }
  }

  async destroy(id: Id): Promise<void> {
    const answer = await this.set({ destroy: [id] });
    const refused = answer.notDestroyed?.[id];
    if (refused && refused.type !== "notFound") throw new ObjectError(refused);
    this.all.value = this.all.peek()?.filter((x) => x.id !== id);
    this.refresh();
  }

  protected set(args: Record<string, unknown>): Promise<SetResponse<T>> {
    return this.connection.call<SetResponse<T>>(`${this.type}/set`, args);
  }

  #replace(id: Id, object: T): void {
    this.all.value = this.all.peek()?.map((x) => (x.id === id ? object : x));
  }
}

/** The object with the patch applied: paths of more than one part reach into it (RFC 8620 5.3). */
function shallowPatch<T extends Named>(object: T, patch: PatchObject): T {
  const out = structuredClone(object) as Record<string, unknown>;
  for (const [path, value] of Object.entries(patch)) {
    const parts = path.split("/").map((p) => p.replaceAll("~1", "/").replaceAll("~0", "~"));
    let at = out;
    for (const part of parts.slice(0, -1)) {
      at[part] ??= {};
      at = at[part] as Record<string, unknown>;
    }
    at[parts.at(-1)!] = value;
  }
  return out as unknown as T;
}

/** A signal that does something when it is read. */
export function reading<T>(of: ReadonlySignal<T>, first: () => void): ReadonlySignal<T> {
  return {
    get value() {
      first();
      return of.value;
    },
    peek: () => of.peek(),
    subscribe: (f: (value: T) => void) => of.subscribe(f),
    valueOf: () => of.value,
    toString: () => String(of.value),
    toJSON: () => of.value,
  } as unknown as ReadonlySignal<T>;
}

/** The one object of a type (its id is "singleton"). */
export class LiveSingleton<T extends Named> implements Singleton<T> {
  readonly value: ReadonlySignal<T | undefined>;
  readonly trouble: ReadonlySignal<Trouble | undefined>;

  constructor(private readonly of: LiveCollection<T>) {
    const peek = () => of.items.peek()?.[0];
    this.value = {
      get value() {
        return of.items.value?.[0];
      },
      peek,
      subscribe: (f: (value: T | undefined) => void) => of.items.subscribe((all) => f(all?.[0])),
      valueOf: peek,
      toString: () => String(peek()),
      toJSON: peek,
    } as unknown as ReadonlySignal<T | undefined>;
    this.trouble = of.trouble;
  }

  async load(): Promise<T> {
    const [one] = await this.of.load();
    if (!one) throw new ObjectError({ type: "notFound" });
    return one;
  }

  update(patch: PatchObject): Promise<void> {
    return this.of.update(this.of.items.peek()?.[0]?.id ?? "singleton", patch);
  }
}
